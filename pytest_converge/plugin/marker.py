"""The marker `converges`: what it says, whom it is added to, and whether it can be obeyed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

__all__ = [
    "CALLS",
    "DEFINITION",
    "FIXTURE",
    "MARKER",
    "arguments",
    "check",
    "fixtures_of",
    "has_hooks",
    "is_marked",
    "mark_users",
]

MARKER = "converges"
FIXTURE = "converge"
#: The module that defines the fixtures.
PLUGIN = "pytest_converge.plugin"
#: The fixtures of this plugin, and what a test that uses one has to call.
CALLS = {
    FIXTURE: "converge.fit, .minimize or .step",
    "learning_rate": "learning_rate.range",
    "preprocessing": "preprocessing.check, .fit_once or .compare",
}
#: The line that `pytest --markers` shows. Written out because every start of pytest needs it, and
#: importing core.expectation for it takes milliseconds; a test compares the two.
DEFINITION = (
    "converges(*, max_loss=None, steps=100, min_decrease=None, monotone='trend', min_skill=None, "
    "metrics={}, seed=None, seeds=1, baseline=False, metric=None, ignore=()): what the trainings "
    "of the test, started through the fixture converge, must reach for it to pass; markers of the "
    "class and the module give defaults, arguments of the training call override."
)


def mark_users(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that use one of the fixtures, so that `-m converges` selects them too."""
    for item in items:
        if fixtures_of(item) and not is_marked(item):
            item.add_marker(MARKER)


def fixtures_of(item: pytest.Item) -> list[str]:
    """The names of this plugin's fixtures that a test uses.

    Many a suite has a fixture or a parameter `learning_rate` of its own; that one is not meant.
    """
    used = [name for name in CALLS if name in getattr(item, "fixturenames", ())]
    if not used:
        return []
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    makers = {name: known[name][-1].func for name in used if known.get(name)}
    return [name for name in used if getattr(makers.get(name), "__module__", "") == PLUGIN]


def is_marked(item: pytest.Item) -> bool:
    """True where the test, its class or its module has the marker."""
    return item.get_closest_marker(MARKER) is not None


def arguments(item: pytest.Item) -> list[Mapping[str, Any]]:
    """The arguments of every marker of the test, closest first."""
    return [mark.kwargs for mark in _marks(item)]


def check(item: pytest.Item) -> None:
    """Refuse, before anything is trained, a marker that cannot be obeyed.

    Raises:
        InvalidTrainingError: the marker's arguments or the kind of the test are not supported.
    """
    from pytest_converge.core.errors import InvalidTrainingError, invalid, shown
    from pytest_converge.core.expectation import Expectation

    for mark in _marks(item):
        try:
            if mark.args:
                given = f"the positional argument {shown(mark.args[0])}"
                remedy = f"Write, for example, {MARKER}(max_loss=0.1)."
                raise invalid(given, "keyword arguments only", remedy)
            Expectation.of(mark.kwargs, hooks=has_hooks(item))
        except InvalidTrainingError as error:
            raise InvalidTrainingError(f"the marker {MARKER}: {error}") from None
    _check_kind(item)


def has_hooks(item: pytest.Item) -> bool:
    """True where hooks judge the trainings of this test, and may report codes of their own."""
    return bool(item.ihook.pytest_converge_check.get_hookimpls())


def _check_kind(item: pytest.Item) -> None:
    from pytest_converge.core.errors import invalid

    expected = "a test function or a method of a plain class"
    # Where unittest was never imported there is no such class to derive from.
    case = getattr(sys.modules.get("unittest"), "TestCase", None)
    owner = getattr(item, "cls", None)
    if case is not None and isinstance(owner, type) and issubclass(owner, case):
        given = f"{owner.__name__}, a unittest.TestCase, with the marker {MARKER}"
        remedy = "TestCase methods cannot use fixtures: derive the class from nothing."
        raise invalid(given, expected, remedy)
    function = getattr(item, "obj", None)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        given = f"{item.name}, an async test, with the marker {MARKER}"
        remedy = "Training blocks the event loop: write `def` instead of `async def`."
        raise invalid(given, expected, remedy)


def _marks(item: pytest.Item) -> list[pytest.Mark]:
    """Closest first: those of `pytest.param`, of the function, of classes and the module.

    pytest lists the marks of a parameter set after those of the function that they refine.
    """
    own = getattr(getattr(item, "callspec", None), "marks", ())
    names = {id(getattr(mark, "mark", mark)) for mark in own}
    marks = list(item.iter_markers(MARKER))
    return sorted(marks, key=lambda mark: id(mark) not in names)
