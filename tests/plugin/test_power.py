"""The options --converge-power and --converge-calibrate, from the command line to the terminal."""

from __future__ import annotations

import json
import re

import pytest

TESTS = """
import keras, numpy as np, pytest, tensorflow as tf
from pytest_converge import ConvergenceError

def parts(rate=0.05):
    w = tf.Variable(tf.random.normal([4]))
    return lambda: tf.reduce_sum((w - 1.0) ** 2), [w], keras.optimizers.SGD(rate)

@pytest.mark.converges(steps=40)
def test_blind(converge):
    converge.minimize(parts)

@pytest.mark.converges(steps=40, max_loss=0.01)
class TestTight:
    def test_two(self, converge):
        assert converge.minimize(parts).passed
        converge.minimize(parts, max_loss=0.5)

    @pytest.mark.xfail(strict=True, raises=ConvergenceError)
    def test_low_rate(self, converge):
        converge.minimize(lambda: parts(1e-5))

def test_plain():
    pass
"""


def section(result: pytest.RunResult) -> list[str]:
    """The lines between the titles of our summary and of what follows."""
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if re.fullmatch("=+ convergence =+", line))
    stop = next(i for i in range(start + 1, len(lines)) if lines[i].startswith("===="))
    return [re.sub(r"[\d.]+ s$", "T", line) for line in lines[start + 1 : stop]]


def test_power_shows_what_each_test_sees(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=TESTS)
    result = real.runpytest("--converge-power", "--converge-json=a.json", "-W", "error")
    result.assert_outcomes(passed=3, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "test_a.py::TestTight::test_two",
            "power: final loss * over 5 starts",
            "change * final loss  red     by",
            "learning rate x 0.7 * of 5*",
            "learning rate x 0.5 * 5 of 5  target-missed",
            "first layer frozen   converge.minimize does not see the layers",
            "smallest change seen: learning rate x 0.*",
            "test_a.py::TestTight::test_two",
            "power of training 2: final loss * over 5 starts",
            "test_a.py::test_blind",
            "power: final loss * over 5 starts",
            "learning rate x 0.5 * 0 of 5",
            "blind: sees none of 2 changes every time",
            "add baseline=True, or a tighter max_loss as --converge-calibrate proposes",
        ]
    )
    lines = [line for line in section(result) if "generated convergence report" not in line]
    assert max(map(len, lines)) <= 80
    studies = json.loads((real.path / "a.json").read_text())["studies"]
    assert [(each["test"], each["training"]) for each in studies] == [
        ("test_a.py::TestTight::test_two", 1),
        ("test_a.py::TestTight::test_two", 2),
        ("test_a.py::test_blind", 1),
    ]
    assert {each["kind"] for each in studies} == {"sensitivity"}
    halved = studies[0]["mutations"][1]
    assert (halved["change"], halved["red"], halved["judged"]) == ("learning rate x 0.5", 5, 5)
    assert halved["effect"] > 1


@pytest.mark.slow
def test_both_give_the_same_in_parallel(real: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    real.makepyfile(test_a=TESTS)
    arguments = ("--converge-power", "--converge-calibrate", "-k", "blind or two")
    alone = real.runpytest(*arguments, "-p", "no:xdist")
    parallel = real.runpytest(*arguments, "-n2")
    assert section(parallel) == section(alone)
    assert parallel.ret == alone.ret == 0


@pytest.mark.slow
def test_the_marker_that_calibration_proposes_passes(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=TESTS)
    result = real.runpytest("--converge-calibrate", "-k", "blind")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "calibration: 20 starts without a change, and how many with one max_loss fails",
            "*steps  max_loss  false alarms  rate x0.7  rate x0.5",
            "[*] * %*",
            "@pytest.mark.converges(*",
            "a fresh start exceeds max_loss in *",
        ]
    )
    marker = next(line for line in result.outlines if line.startswith("@pytest.mark.converges"))
    real.makepyfile(test_a=TESTS.replace("@pytest.mark.converges(steps=40)", marker))
    for seed in range(1, 4):
        again = real.runpytest(f"--converge-seed={seed}", "-k", "blind")
        again.assert_outcomes(passed=1)
    low = TESTS.replace("@pytest.mark.converges(steps=40)", marker).replace(
        "rate=0.05", "rate=0.02"
    )
    real.makepyfile(test_a=low)
    real.runpytest("-k", "blind").assert_outcomes(failed=1)


def test_what_cannot_be_calibrated_is_an_error(real: pytest.Pytester) -> None:
    real.makepyfile(
        test_a=TESTS
        + """
def test_objects(converge):
    converge.minimize(*parts())
"""
    )
    result = real.runpytest("--converge-calibrate", "-k", "objects")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E       InvalidTrainingError: got *--converge-calibrate*expected a function that *"]
    )
    result.stdout.no_fnmatch_line("*calibration:*")


@pytest.mark.slow
def test_a_baseline_is_part_of_the_power(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=TESTS.replace("(steps=40)", "(steps=40, baseline=True)"))
    real.runpytest("--converge-baseline=new", "--converge-power", "-k", "blind")
    files = sorted(path.read_bytes() for path in real.path.rglob("__converge__/**/*.json"))
    assert len(files) == 1
    result = real.runpytest("--converge-power", "-k", "blind")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "power: final loss * over 5 starts, with its baseline",
            "learning rate x 0.7 * 1 of 1  worse-than-baseline",
            "learning rate x 0.5 * 1 of 1  worse-than-baseline",
            "smallest change seen: learning rate x 0.7 *",
        ]
    )
    assert sorted(p.read_bytes() for p in real.path.rglob("__converge__/**/*.json")) == files


@pytest.mark.parametrize("arguments", [(), ("--converge-power",), ("--converge-calibrate",)])
def test_the_flags_reach_the_runner(faked: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    faked.makepyfile(
        """
import sys

def test_it(converge, monkeypatch):
    runner = sys.modules["pytest_converge.runner"]
    run = runner.run

    def told(context, call):
        print("\\nasked", context.power, context.calibrate)
        return run(context, call)

    monkeypatch.setattr(runner, "run", told)
    converge.fit("good")
"""
    )
    asked = f"asked {'--converge-power' in arguments} {'--converge-calibrate' in arguments}"
    faked.runpytest("-s", *arguments).stdout.fnmatch_lines([asked])
