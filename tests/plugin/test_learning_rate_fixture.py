"""The fixture `learning_rate`, from the call to the reports."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.published_schema import undated

TESTS = """
import pytest
from pytest_converge import LearningRateError

def test_good(learning_rate):
    found = learning_rate.range("good", 1)
    found.assert_within(margin=3)

def test_bad(learning_rate):
    learning_rate.range("good", 1)
    learning_rate.range("bad", 1).assert_within(margin=3)

@pytest.mark.xfail(strict=True, raises=LearningRateError)
def test_expected(learning_rate):
    learning_rate.range("bad", 1).assert_within(margin=3)

def test_caught(learning_rate):
    with pytest.raises(LearningRateError):
        learning_rate.range("bad", 1).assert_within(margin=3)
"""
XDIST = [("-p", "no:xdist"), ("-n0",), ("-n2",)]
FIRST = "learning rate 1 is 1.0x below the upper edge 1, not 3x"


def properties(path: Path, test: str) -> dict[str, str]:
    """Some of those that JUnit's report has of the studies of a test."""
    case = re.search(rf'<testcase [^>]*name="{test}".*?</testcase>', path.read_text(), re.DOTALL)
    assert case is not None
    name = "converge_learning_rate_((?:own|highest_2|verdict)(?:_2)?)"
    return dict(re.findall(f'<property name="{name}" value="(.*?)"', case[0]))


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    """What the first way of running gave."""
    return {}


@pytest.mark.parametrize("arguments", XDIST, ids=" ".join)
def test_parallel_runs_give_the_same(
    faked: pytest.Pytester, arguments: tuple[str, ...], documents: dict[str, str]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest(
        *arguments, "--converge-json=a.json", "--junitxml=junit.xml", "-W", "error"
    )
    result.assert_outcomes(passed=2, failed=1, xfailed=1)
    assert properties(faked.path / "junit.xml", "test_bad") == {
        "own": "0.1",
        "verdict": "passed",
        "own_2": "1.0",
        "highest_2": "1.0",
        "verdict_2": "failed",
    }
    text = undated((faked.path / "a.json").read_text())
    assert documents.setdefault("json", text) == text
    studies = json.loads(text)["studies"]
    assert [(s["test"], s["number"], s["passed"]) for s in studies] == [
        ("test_a.py::test_bad", 1, True),
        ("test_a.py::test_bad", 2, False),
        ("test_a.py::test_caught", 1, True),
        ("test_a.py::test_expected", 1, False),
        ("test_a.py::test_good", 1, True),
    ]
    result.stdout.fnmatch_lines(
        [
            '*learning_rate.range("bad", 1).assert_within(margin=3)',
            f"E  *LearningRateError: {FIRST}",
            "E  *reproduce: pytest test_a.py::test_bad",
            "test_a.py:*: LearningRateError",
            "*- convergence -*",
            f"learning_rate.range: {FIRST}",
            "learning rate  final loss *outcome",
            "*= convergence =*",
            f"test_a.py::test_bad  {FIRST}",
            "convergence: 5 studies, 1 failed, 1 failed as expected",
        ]
    )
    assert result.stdout.str().count("learning rate  final loss") == 1


def test_tables_are_shown_when_asked_for(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest("-vv", "-k", "good")
    result.stdout.fnmatch_lines(
        [
            "test_a.py::test_good",
            "learning_rate.range: 0.1 passes; passing from 0.01 to 1",
            "learning rate  final loss *outcome",
            "convergence: 1 study passed",
        ]
    )


def test_quiet_runs_show_the_tally_alone(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest("-q", "-k", "good or bad", "--show-capture=no", "--tb=no")
    result.stdout.fnmatch_lines(["convergence: 3 studies, 1 failed"])
    result.stdout.no_fnmatch_line("*learning_rate.range*")


def test_a_test_that_asks_for_no_range_fails(faked: pytest.Pytester) -> None:
    faked.makepyfile("def test_it(learning_rate): pass")
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["got no call from a test with the fixture learning_rate; expected a call of *.range.*"]
    )


def test_its_tests_are_marked_and_others_of_the_same_name_are_not(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        test_a="def test_ours(learning_rate): learning_rate.range('good', 1)",
        test_b="""
import pytest

@pytest.mark.parametrize("learning_rate", [0.1, 0.01])
def test_parameter(learning_rate):
    assert learning_rate < 1
""",
        test_c="""
import pytest

@pytest.fixture
def learning_rate():
    return 0.1

def test_fixture(learning_rate):
    assert learning_rate == 0.1
""",
    )
    faked.runpytest().assert_outcomes(passed=4)
    faked.runpytest("-m", "converges").assert_outcomes(passed=1, deselected=3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("range('invalid', 1)", "got no rate; expected one. Give one."),
        ("range('good', 1, decade=4)", "*argument 'decade'; *learning_rate.range.*'decades'?"),
        ("range('good', epochs=4)", "got epochs without x; expected the inputs beside it. *"),
        ("range('good', 1, decades=1)", "got decades=1 (int); expected an integer from 2 to 40.*"),
        ("range('good', 1, decades=True)", "got decades=True (bool); expected an integer*"),
        ("range('good', 1, schedules=[1])", "got schedules=*; expected a dict of schedules*"),
        ("range('good', 1, max_loss='low')", "got max_loss='low' (str); expected*"),
    ],
)
def test_a_bad_argument_is_an_error_at_the_call(
    faked: pytest.Pytester, call: str, message: str
) -> None:
    faked.makepyfile(f"def test_it(learning_rate):\n    learning_rate.{call}\n")
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">*learning_rate.{call.replace('[', '[[]')}", f"E  *{message}"])
    result.stdout.no_fnmatch_line("*pytest_converge/plugin*")


REAL = """
import keras, numpy as np, tensorflow as tf

def parts():
    w = tf.Variable(3.0)
    return (lambda: (w - 1) ** 2), [w], keras.optimizers.SGD(0.1)

def test_minimize(learning_rate):
    found = learning_rate.range(parts, steps=50, max_loss=1e-3)
    found.assert_within(margin=2)
    # The curvature is 2, so that rates up to 1 do not diverge.
    assert abs(found.stability_limit - 1) < 1e-3
    assert 1 <= found.divergence < 1.1
    assert 0.9 < found.highest < 1

def test_fit(learning_rate):
    x = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")

    def build():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.9), "mse")
        return model

    schedule = keras.optimizers.schedules.CosineDecay(0.5, 60)
    found = learning_rate.range(
        build, x, 2 * x + 1, steps=60, max_loss=0.01, schedules={"cosine": schedule}
    )
    assert [run.name for run in found.schedules] == ["cosine"]
    assert found.schedules[0].point.passed
    assert abs(found.schedules[0].point.learning_rate - 0.5) < 1e-6
    found.assert_within(margin=3)
"""


def test_real_ranges(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=REAL)
    result = real.runpytest("-W", "error")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines(
        [r"E +LearningRateError: (learning rate )?0.9 is .*x below the upper edge .*, not 3x"]
    )
