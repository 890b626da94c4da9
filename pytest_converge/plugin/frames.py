"""Which frames of a traceback pytest shows: those of this package for faults of its own alone.

An error of the user's code is raised far below the call of a verb. What lies between belongs to the
plugin and says nothing about it, wherever in the plugin that is: the whole package is left out
here, so that no module has to think of it. pytest itself shows everything under `--full-trace`, and
a debugger finds every frame.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest

__all__ = ["hide"]

PACKAGE = "pytest_converge"
#: Under this name pytest looks for what to leave out, among the names of a frame's module as well.
SWITCH = "__tracebackhide__"


def hide(error: BaseException) -> None:
    """Have pytest leave out the frames of this package, from an error and from those behind it."""
    for each in _chain(error):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            module = str(frame.f_globals.get("__name__", ""))
            if module.partition(".")[0] == PACKAGE:
                frame.f_globals[SWITCH] = _is_of_user


def _is_of_user(excinfo: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """False for what a line of this package raised without having meant to."""
    from pytest_converge.core.guard import is_ours

    error = None if excinfo is None else excinfo.value
    # Its verdicts are assertions, and what pytest ends a test with is no Exception.
    if not isinstance(error, Exception) or isinstance(error, AssertionError):
        return True
    return not is_ours(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes, what it came from, and the members of groups; each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
