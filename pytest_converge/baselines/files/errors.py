"""What can be wrong with a baseline's file.

InvalidTrainingError
└── BaselineFileError          it cannot be used; the message says why
    └── MissingBaselineError   there is none
"""

from __future__ import annotations

import shlex
from pathlib import Path

from pytest_converge.core.errors import InvalidTrainingError, complaint

__all__ = ["BaselineFileError", "DefectError", "MissingBaselineError", "record_command"]

RESTORE = "Restore it from version control, or delete it and record {anew}"


def record_command(test: str, mode: str = "new", *, reason: str = "") -> str:
    """The command that records the baseline of `test`, for a POSIX shell.

    Args:
        test: the id of the test.
        mode: "new" or "update".
        reason: why it is replaced although it is worse, or cannot be compared.
    """
    accepted = [f"--converge-accept-worse={reason}"] if reason else []
    return shlex.join(["pytest", test, f"--converge-baseline={mode}", *accepted])


class DefectError(Exception):
    """One thing that is wrong with a file, found where nobody knows whose file it is.

    Args:
        text: what, as in `with the key 'seed' twice`.
        expected: what a sound file is in this respect.
        remedy: what to do; {anew}, {new} and {update} become the commands that record the
            baseline.
        path: the file or folder, where it is not the file that was asked for.
    """

    def __init__(
        self,
        text: str,
        expected: str = "a file as pytest-converge writes it",
        remedy: str = RESTORE,
        path: Path | None = None,
    ) -> None:
        super().__init__(text)
        self.text, self.expected, self.remedy, self.path = text, expected, remedy, path


class BaselineFileError(InvalidTrainingError):
    """A baseline's file cannot be used; it was left as it is.

    Args:
        path: the file.
        defect: what is wrong with it.
        test: the id of its test; empty where it is not known.
    """

    def __init__(self, path: Path, defect: DefectError, *, test: str = "") -> None:
        self.path = defect.path or path
        remedy = defect.remedy.format(
            anew=f"anew: {record_command(test)}" if test else "its test anew",
            new=record_command(test),
            update=record_command(test or "TEST", "update"),
        )
        given = f"{_shown_path(self.path)} {defect.text}"
        super().__init__(complaint(given, defect.expected, remedy))


class MissingBaselineError(BaselineFileError):
    """There is no baseline of a training; the message says how to record it.

    Args:
        path: where it should be.
        text: what is missing.
        test: the id of the test.
        orphan: the id of a test that is gone and has a baseline.
    """

    def __init__(self, path: Path, text: str, *, test: str, orphan: str = "") -> None:
        remedy = "Record it, review it and commit it: {new}"
        if orphan:
            command = shlex.join(["converge", "rename", orphan, test])
            # The braces of an id are none of ours.
            escaped = command.replace("{", "{{").replace("}", "}}")
            remedy = f"Was the test renamed? {escaped} (else {{new}})"
        super().__init__(path, DefectError(text, "a recorded baseline", remedy), test=test)


# As for all errors of this package: pytest's short summary prints the module before the name, and
# without it the sentence fits the line.
for _error in (BaselineFileError, MissingBaselineError):
    _error.__module__ = "builtins"


def _shown_path(path: Path) -> str:
    """Relative to the working folder where it lies inside."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
