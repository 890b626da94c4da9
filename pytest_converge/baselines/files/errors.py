"""What can be wrong with a baseline's file: one named error for each defect.

InvalidTrainingError
└── BaselineFileError
    ├── MissingBaselineError        there is no file
    ├── LinkedBaselineError         a symbolic link stands in its place, or in that of its folder
    ├── IrregularBaselineError      a folder, a pipe or a device stands in its place
    ├── UnreadableBaselineError     the operating system does not let it be read
    ├── UnwritableBaselineError     the operating system does not let it be written
    ├── OversizedBaselineError      it is larger than any baseline
    ├── ConflictedBaselineError     it holds the markers of a merge conflict
    ├── BaselineEncodingError       it is not UTF-8
    ├── BaselineSyntaxError         it is not JSON, as after a truncation
    ├── DuplicateKeyError           a key stands twice in one object
    ├── BaselineNumberError         a number that is not finite, or too long
    ├── NewerBaselineError          a later version of the plugin wrote it
    ├── BaselineKeyError            a key is missing or unknown
    ├── BaselineTypeError           a value is of the wrong type or out of range
    ├── OtherTestError              it belongs to another test
    ├── BaselineNumberingError      the numbers of its trainings do not rise
    ├── BaselineRunsError           a training has not as many runs as the gate needs
    ├── BaselineStepsError          a curve's steps do not rise, or do not match its losses
    └── BaselineChecksumError       it was changed after it was written
"""

from __future__ import annotations

import shlex
from pathlib import Path

from pytest_converge.core.errors import InvalidTrainingError, complaint

__all__ = [
    "BaselineChecksumError",
    "BaselineEncodingError",
    "BaselineFileError",
    "BaselineKeyError",
    "BaselineNumberError",
    "BaselineNumberingError",
    "BaselineRunsError",
    "BaselineStepsError",
    "BaselineSyntaxError",
    "BaselineTypeError",
    "ConflictedBaselineError",
    "DuplicateKeyError",
    "IrregularBaselineError",
    "LinkedBaselineError",
    "MissingBaselineError",
    "NewerBaselineError",
    "OtherTestError",
    "OversizedBaselineError",
    "UnreadableBaselineError",
    "UnwritableBaselineError",
    "record_command",
]


def record_command(test: str, mode: str = "new") -> str:
    """The command that records the baseline of `test`, for a POSIX shell."""
    return shlex.join(["pytest", test, f"--converge-baseline={mode}"])


class BaselineFileError(InvalidTrainingError):
    """A baseline's file cannot be used; it was left as it is.

    Args:
        path: the file.
        defect: what is wrong with it, as in `with a key twice: 'seed'`.
        test: the id of its test; empty where it is not known.
    """

    #: What a sound file is in this respect, for the message.
    expected = "a file as pytest-converge writes it"

    def __init__(self, path: Path, defect: str, *, test: str = "") -> None:
        self.path, self.defect, self.test = path, defect, test
        super().__init__(complaint(f"{_shown_path(path)} {defect}", self.expected, self._remedy()))

    def __init_subclass__(cls) -> None:
        # As for all errors of this package: pytest's short summary prints the module before the
        # name, and without it the sentence fits the line.
        cls.__module__ = "builtins"

    def _remedy(self) -> str:
        anew = f" anew: {record_command(self.test)}" if self.test else " its test anew"
        return f"Restore it from version control, or delete it and record{anew}"


BaselineFileError.__module__ = "builtins"


class MissingBaselineError(BaselineFileError):
    """There is no file."""

    expected = "a recorded baseline"

    def _remedy(self) -> str:
        return f"Record it, review it and commit it: {record_command(self.test)}"


class LinkedBaselineError(BaselineFileError):
    """A symbolic link stands in the place of the file or of one of its folders.

    What lies behind it may be anywhere, and may be another file a moment later.
    """

    expected = "a regular file in regular folders"

    def _remedy(self) -> str:
        return "Put the file or folder itself in the place of the link."


class IrregularBaselineError(BaselineFileError):
    """A folder, a pipe or a device stands in the place of the file, or a file in a folder's."""

    expected = "a regular file in regular folders"

    def _remedy(self) -> str:
        return "Move away what stands there."


class UnreadableBaselineError(BaselineFileError):
    """The operating system does not let the file be read."""

    expected = "a file that can be read"

    def _remedy(self) -> str:
        return "Look at its permissions and at those of its folder."


class UnwritableBaselineError(BaselineFileError):
    """The operating system does not let the file be written."""

    expected = "a folder that can be written to"

    def _remedy(self) -> str:
        return "Look at the permissions of the folder and at the space on the disk."


class OversizedBaselineError(BaselineFileError):
    """The file is larger than any baseline."""


class ConflictedBaselineError(BaselineFileError):
    """The file holds the markers of a merge conflict."""

    expected = "one baseline"

    def _remedy(self) -> str:
        again = record_command(self.test or "TEST", "update")
        return (
            f"Two sides of a baseline cannot be merged: take one side (git checkout --theirs "
            f"FILE), then record what the merged code does: {again}"
        )


class BaselineEncodingError(BaselineFileError):
    """The file is not UTF-8."""


class BaselineSyntaxError(BaselineFileError):
    """The file is not JSON, as after a truncation."""


class DuplicateKeyError(BaselineFileError):
    """A key stands twice in one object, so that readers may disagree about its value."""


class BaselineNumberError(BaselineFileError):
    """A number is not finite, or longer than any that is written."""


class NewerBaselineError(BaselineFileError):
    """A later version of pytest-converge wrote the file."""

    expected = "a version that this pytest-converge knows"

    def _remedy(self) -> str:
        return "Install the newer version (pip install --upgrade pytest-converge)."


class BaselineKeyError(BaselineFileError):
    """A key is missing, or one is there that nobody knows."""


class BaselineTypeError(BaselineFileError):
    """A value is of the wrong type, or outside of its range."""


class OtherTestError(BaselineFileError):
    """The file belongs to another test: it was renamed or copied."""

    expected = "the file of the test that asks for it"


class BaselineNumberingError(BaselineFileError):
    """The numbers of the trainings in the file do not rise, or there is no training."""


class BaselineRunsError(BaselineFileError):
    """A training has not as many runs as the gate needs, or not all with as many scores."""


class BaselineStepsError(BaselineFileError):
    """The steps of a curve do not rise, are too many, or do not match its losses."""


class BaselineChecksumError(BaselineFileError):
    """The file was changed after it was written, by hand or by a tool."""

    expected = "the text that was written"


def _shown_path(path: Path) -> str:
    """Relative to the working folder where it lies inside."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
