"""`--converge-tensorboard`: the same runs however the tests are run, read by TensorBoard."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from typing import Any

import pytest

TESTS = """
import pytest

@pytest.mark.converges(max_loss=0.1)
@pytest.mark.parametrize("kind", ["good", "bad"])
def test_it(converge, kind):
    converge.fit(kind)

def test_two(converge):
    converge.fit("good")
    converge.minimize("good")

def test_plain(): pass
"""
RUNS = {
    "test_a.py-test_it-bad/training": ("**target-missed**", 0.5),
    "test_a.py-test_it-good/training": ("**passed**", 0.01),
    "test_a.py-test_two/training": ("**passed**", 0.01),
    "test_a.py-test_two-2/training": ("**passed**", 0.01),
}


@pytest.fixture
def multiplexer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """TensorBoard's reader of all runs below a folder, without TensorFlow."""
    pytest.importorskip("tensorboard")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    return EventMultiplexer


def runs(multiplexer: Any, pytester: pytest.Pytester) -> Mapping[str, tuple[str, float]]:
    """The verdict and the last loss on the probe set of every run."""
    read = multiplexer().AddRunsFromDirectory(str(pytester.path / "runs")).Reload()
    found = {}
    for name in read.Runs():
        [said] = read.Tensors(name, "verdict")
        verdict = said.tensor_proto.string_val[0].decode().partition("\n")[0]
        losses = [event.value for event in read.Scalars(name, "loss/probe set")]
        found[name] = verdict, pytest.approx(losses[-1])
    return found


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)], ids=" ".join)
def test_every_training_is_a_run(
    faked: pytest.Pytester, multiplexer: Any, arguments: tuple[str, ...]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest(*arguments, "--converge-tensorboard=runs")
    result.stdout.fnmatch_lines(["*- generated TensorBoard runs: *runs -*"])
    assert runs(multiplexer, faked) == RUNS


def test_the_next_session_takes_the_place_of_the_last(
    faked: pytest.Pytester, multiplexer: Any
) -> None:
    faked.makeini("[pytest]\nconverge_tensorboard = runs\n")
    for kind in ("bad", "good"):
        faked.makepyfile(test_a=f"def test_it(converge):\n    converge.fit('{kind}')\n")
        faked.runpytest()
    assert runs(multiplexer, faked) == {"test_a.py-test_it/training": ("**passed**", 0.01)}


def test_runs_that_cannot_be_written_are_said(faked: pytest.Pytester, multiplexer: Any) -> None:
    faked.makepyfile(
        test_a="""
        from pathlib import Path

        def test_it(converge):
            converge.fit("good")
            Path("runs").touch()
        """
    )
    result = faked.runpytest("--converge-tensorboard=runs")
    result.stdout.fnmatch_lines(["could not write the TensorBoard runs *runs: *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_nothing_is_written_without_trainings(faked: pytest.Pytester, multiplexer: Any) -> None:
    faked.makepyfile(test_a=TESTS)
    faked.runpytest("-k", "plain", "--converge-tensorboard=runs")
    assert not (faked.path / "runs").exists()
