"""The failures of a test: assertion errors that carry what was measured.

Exception
├── AssertionError
│   ├── ConvergenceError      the training ran and a gate failed
│   └── StudyError            a study of data or learning rates failed
│       ├── LearningRateError   too near the edge of what passes, or beyond it
│       └── PreprocessingError  the features are not fit for training, or not made soundly
└── ValueError
    └── InvalidTrainingError  the training cannot be run or judged as asked (`core.errors`)
"""

from __future__ import annotations

from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study

__all__ = ["ConvergenceError", "LearningRateError", "PreprocessingError", "StudyError"]


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


# pytest's short summary prints the module before the name; without it the sentence fits the line.
for _error in (ConvergenceError, StudyError, LearningRateError, PreprocessingError):
    _error.__module__ = "builtins"
