"""The marker: selection, validation before any training, and tests that train nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_converge.core.expectation import Expectation
from pytest_converge.plugin import marker

HEAD = "import pytest\n\n"


def test_markers_text_is_the_signature_of_the_expectation() -> None:
    def default(field: dataclasses.Field[Any]) -> Any:
        made = field.default_factory
        return field.default if made is dataclasses.MISSING else made()

    shown = ", ".join(f"{f.name}={default(f)!r}" for f in dataclasses.fields(Expectation))
    assert marker.DEFINITION.startswith(f"converges(*, {shown}): ")


def test_markers_text_is_shown(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.converges([*], max_loss=None, steps=100, *): what*"])


SELECTION = (
    HEAD
    + """
@pytest.fixture
def trained(converge):
    return converge.fit("good")

def test_plain(): pass

def test_fixture(converge): converge.fit("good")

def test_through_another(trained): pass

@pytest.mark.converges
def test_marked(request): request.getfixturevalue("converge").fit("good")
"""
)


@pytest.mark.parametrize(("expression", "passed"), [("converges", 3), ("not converges", 1)])
def test_selection(faked: pytest.Pytester, expression: str, passed: int) -> None:
    faked.makepyfile(SELECTION)
    faked.runpytest("--strict-markers", "-m", expression).assert_outcomes(
        passed=passed, deselected=4 - passed
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("max_los=0.1", "*got the argument 'max_los'; *Did you mean 'max_loss'?"),
        ("0.1", "*got the positional argument 0.1 (float); expected keyword arguments only.*"),
        ("steps=0", "*got steps=0 (int); expected an integer from 1 to 2[*][*]31 - 1.*"),
        ("steps=True", "*got steps=True (bool); expected an integer from 1 to 2[*][*]31 - 1.*"),
        ("max_loss='low'", "*got max_loss='low' (str); expected a finite number.*"),
        ("max_loss=float('nan')", "*got max_loss=nan (float); expected a finite number.*"),
        ("monotone='yes'", "*got monotone='yes' (str); expected one of 'trend', *"),
        ("metrics={'accuracy': 0.9}", "*got metrics={'accuracy': 0.9} (dict); expected a dict*"),
        ("ignore=['inference-gpa']", "*'inference-gpa' in ignore; *Did you mean 'inference-gap'?"),
        ("ignore=['target-missed']", "*got the gate 'target-missed' in ignore; expected codes of*"),
        ("ignore=['of-nobody']", "*got the code 'of-nobody' in ignore; *Known names: *"),
    ],
)
@pytest.mark.parametrize("where", ["function", "class", "module"])
def test_a_bad_argument_is_an_error_before_any_training(
    faked: pytest.Pytester, arguments: str, message: str, where: str
) -> None:
    mark = f"pytest.mark.converges({arguments})"
    lines = [
        "import pytest",
        f"pytestmark = {mark}" if where == "module" else "",
        f"@{mark}" if where == "class" else "",
        "class TestIt:",
        f"    @{mark}" if where == "function" else "",
        "    def test_it(self, converge):",
        "        open('trained', 'w')",
    ]
    faked.makepyfile("\n".join(lines))
    result = faked.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"the marker converges: {message}"])
    result.stdout.no_fnmatch_line("*During handling*")
    result.stdout.no_fnmatch_line("*lifecycle*")
    assert not (faked.path / "trained").exists()


@pytest.mark.parametrize(
    ("code", "outcome"), [("slow", {"passed": 1}), ("inference-gpa", {"errors": 1})]
)
def test_codes_of_a_hook_may_be_ignored_but_typing_errors_not(
    faked: pytest.Pytester, code: str, outcome: dict[str, int]
) -> None:
    with (faked.path / "conftest.py").open("a") as conftest:
        conftest.write("\n\ndef pytest_converge_check(record): pass\n")
    text = (
        "@pytest.mark.converges(ignore=[{code!r}])\ndef test_it(converge): converge.fit('good')\n"
    )
    faked.makepyfile(HEAD + text.format(code=code))
    faked.runpytest().assert_outcomes(**outcome)


def test_a_call_refuses_an_unknown_code_before_it_trains(faked: pytest.Pytester) -> None:
    faked.makepyfile("def test_it(converge): converge.fit('good', ignore=['skil-too-low'])")
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*InvalidTrainingError: *Did you mean 'skill-too-low'?"])


def test_a_bad_argument_is_no_internal_error_under_xdist(faked: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    faked.makepyfile(
        HEAD + "@pytest.mark.converges(stepps=1)\ndef test_it(converge): converge.fit('good')\n"
    )
    result = faked.runpytest("-n1")
    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.fnmatch_lines(["*Did you mean 'steps'?"])


def test_outer_markers_give_defaults(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.converges(steps=3, min_skill=0.3, max_loss=0.3)

@pytest.mark.converges(steps=2, min_skill=0.2)
class TestIt:
    @pytest.mark.converges(steps=1)
    @pytest.mark.parametrize(
        "kind", ["good", pytest.param("other", marks=pytest.mark.converges(steps=9))])
    def test_it(self, converge, kind):
        expectation = converge.fit(kind).expectation
        assert (expectation.steps, expectation.min_skill, expectation.max_loss) == (
            1 if kind == "good" else 9, 0.2, 0.3)
        assert converge.fit(kind, steps=7).expectation.steps == 7
"""
    )
    faked.runpytest().assert_outcomes(passed=2)


NOTHING = {
    "marker": "@pytest.mark.converges\ndef test_it(): pass",
    "module": "pytestmark = pytest.mark.converges\ndef test_it(): pass",
    "fixture": "def test_it(converge): pass",
}


@pytest.mark.parametrize("how", NOTHING)
def test_a_marked_test_that_trains_nothing_fails(faked: pytest.Pytester, how: str) -> None:
    faked.makepyfile(HEAD + NOTHING[how])
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    what = "fixture converge" if how == "fixture" else "marker converges"
    result.stdout.fnmatch_lines([f"got no training from a test with the {what}; expected a call*"])
    result.stdout.no_fnmatch_line("*lifecycle*")


def test_it_is_not_accused_of_that_when_it_ended_otherwise(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        HEAD
        + """
pytestmark = pytest.mark.converges

def test_skip(converge): pytest.skip("no data")

@pytest.mark.skip
def test_skipped(converge): pass

def test_xfail(converge): pytest.xfail("known")

@pytest.mark.xfail(run=False)
def test_not_run(converge): pass

def test_other_failure(converge): raise KeyError("x")

def test_refused(converge): converge.fit("invalid")
"""
    )
    result = faked.runpytest()
    result.assert_outcomes(skipped=2, xfailed=2, failed=2)
    result.stdout.no_fnmatch_line("*got no training*")


UNSUPPORTED = {
    "case": """
import unittest

class TestIt(unittest.TestCase):
    @pytest.mark.converges
    def test_it(self): open("trained", "w")
""",
    "coroutine": "@pytest.mark.converges\nasync def test_it(): pass",
    "coroutine with fixture": "async def test_it(converge): pass",
    "generator": "async def test_it(converge): yield",
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_unsupported_kinds_of_tests(faked: pytest.Pytester, kind: str) -> None:
    faked.makepyfile(HEAD + UNSUPPORTED[kind])
    result = faked.runpytest()
    result.assert_outcomes(errors=1)
    what = "unittest.TestCase" if kind == "case" else "async test"
    result.stdout.fnmatch_lines([f"*got *{what}, with the marker converges; expected a test fun*"])
    assert not (faked.path / "trained").exists()
