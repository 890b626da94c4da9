"""The error about what a user passed, and the one wording of every complaint."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable

__all__ = ["InvalidTrainingError", "complaint", "invalid", "nearest", "shown"]

#: Longest repr of a given value that still leaves a message readable on 80 columns.
SHOWN_LENGTH = 60


class InvalidTrainingError(ValueError):
    """A training cannot be run or judged as asked; nothing was decided.

    The message says what was given, what was expected and what to do.
    """


# pytest's short summary prints the module before the name; without it the sentence fits the line.
InvalidTrainingError.__module__ = "builtins"


def complaint(given: str, expected: str, remedy: str) -> str:
    """The one wording of every error about what a user passed."""
    return f"got {given}; expected {expected}. {remedy}"


def invalid(given: str, expected: str, remedy: str) -> InvalidTrainingError:
    """The error about a training that cannot be run with what a user passed."""
    return InvalidTrainingError(complaint(given, expected, remedy))


def shown(value: object) -> str:
    """`value` and its type, on one line and cut to a length that fits a message: `0 (int)`.

    Of an object whose repr raises the type is all that can be said.
    """
    text = "an object"
    with contextlib.suppress(Exception):
        text = " ".join(repr(value).split())
    if len(text) > SHOWN_LENGTH:
        text = text[: SHOWN_LENGTH - 3] + "..."
    return f"{text} ({type(value).__name__})"


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for a misspelt name, else the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known names: {', '.join(names)}."
