"""Measurements that may fail without ending what they serve: their name and error are kept."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import TypeVar

from pytest_converge.core.errors import InvalidTrainingError

__all__ = ["STRICT", "Guard", "described", "is_ours"]

#: The variable under which a guarded measurement raises; set in the project's own tests.
STRICT = "PYTEST_CONVERGE_STRICT"
#: Room for an error in a line of a report.
LONGEST = 200

#: The first line of an error that AutoGraph reraises.
OF_AUTOGRAPH = "in user code:"

Value = TypeVar("Value")


class Guard:
    """Makes measurements and keeps what failed of them.

    Attributes:
        failed: (what was measured, the error in one line), in the order in which they failed.
    """

    def __init__(self) -> None:
        self.failed: list[tuple[str, str]] = []

    def measured(
        self, name: str, measure: Callable[[], Value], *, through: tuple[type[Exception], ...] = ()
    ) -> Value | None:
        """What `measure` returns; None, with its error kept, where it raises.

        Raises:
            Exception: one of the kinds `through`, which are no failures; whatever else `measure`
                raises, where the variable `STRICT` is set.
        """
        try:
            return measure()
        except through:
            raise
        except Exception as error:
            if os.environ.get(STRICT):
                raise
            self.failed.append((name, described(error)))
            return None

    def tried(self, name: str, attempt: Callable[[], Value]) -> Value | None:
        """As `measured`, for what runs the user's code: that may fail, and no line of our own.

        Raises:
            Exception: what a line of this package raised, where the variable `STRICT` is set. Its
                complaints about what the user passed are no such errors.
        """
        try:
            return attempt()
        except Exception as error:
            if os.environ.get(STRICT) and is_ours(error):
                raise
            self.failed.append((name, described(error)))
            return None


def is_ours(error: Exception) -> bool:
    """True where the innermost line that raised an error is one of this package."""
    lines = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(lines[-1].f_globals.get("__name__", "")) if lines else ""
    stated = isinstance(error, (InvalidTrainingError, NotImplementedError))
    return module.startswith("pytest_converge.") and not stated


def described(error: Exception) -> str:
    """The kind of an error and the first line of its text, cut to what a report has room for.

    What AutoGraph reraises begins with the lines of the user's code, and ends with the error.
    """
    lines = str(error).strip().splitlines()
    text = lines[-1 if lines[0] == OF_AUTOGRAPH else 0].strip() if lines else ""
    kind = f"{type(error).__name__}: "
    return f"{kind}{text.removeprefix(kind)}"[:LONGEST]
