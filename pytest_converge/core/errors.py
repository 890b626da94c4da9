"""The exceptions a user can meet, and the one wording of every complaint about an argument.

Exception
├── AssertionError
│   ├── ConvergenceError      the training ran and a gate failed
│   └── StudyError            a study of data or learning rates failed
│       ├── LearningRateError   too near the edge of what passes, or beyond it
│       └── PreprocessingError  the features are not fit for training, or not made soundly
└── ValueError
    └── InvalidTrainingError  the training cannot be run or judged as asked
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_converge.core.result import ConvergenceResult
    from pytest_converge.core.study import Study

__all__ = [
    "ConvergenceError",
    "InvalidTrainingError",
    "LearningRateError",
    "PreprocessingError",
    "StudyError",
    "complaint",
    "invalid",
    "nearest",
    "shown",
]

#: Longest repr of a given value that still leaves a message readable on 80 columns.
SHOWN_LENGTH = 60


class ConvergenceError(AssertionError):
    """A training ran and did not converge as expected.

    Args:
        message: what is shown; its first line stands alone.
        result: everything that was measured and judged.
    """

    def __init__(self, message: str, result: ConvergenceResult) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return type(self), (self.args[0], self.result)


class StudyError(AssertionError):
    """A study of data or of learning rates ran and failed.

    Args:
        message: what is shown; its first line stands alone.
        study: everything that was measured and judged.
    """

    def __init__(self, message: str, study: Study) -> None:
        super().__init__(message)
        self.study = study

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return type(self), (self.args[0], self.study)


class LearningRateError(StudyError):
    """The learning rate is too near the edge of the range that passes, or outside of it."""


class PreprocessingError(StudyError):
    """The features are not fit for training, or the pipeline does not make them soundly."""


class InvalidTrainingError(ValueError):
    """A training cannot be run or judged as asked; nothing was decided.

    The message says what was given, what was expected and what to do.
    """


# pytest's short summary prints the module before the name; without it the sentence fits the line.
for _error in (
    ConvergenceError,
    StudyError,
    LearningRateError,
    PreprocessingError,
    InvalidTrainingError,
):
    _error.__module__ = "builtins"


def complaint(given: str, expected: str, remedy: str) -> str:
    """The one wording of every error about what a user passed."""
    return f"got {given}; expected {expected}. {remedy}"


def invalid(given: str, expected: str, remedy: str) -> InvalidTrainingError:
    """The error about a training that cannot be run with what a user passed."""
    return InvalidTrainingError(complaint(given, expected, remedy))


def shown(value: object) -> str:
    """`value` and its type, on one line and cut to a length that fits a message: `0 (int)`."""
    text = " ".join(repr(value).split())
    if len(text) > SHOWN_LENGTH:
        text = text[: SHOWN_LENGTH - 3] + "..."
    return f"{text} ({type(value).__name__})"


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for a misspelt name, else the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known names: {', '.join(names)}."
