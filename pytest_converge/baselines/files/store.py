"""The files of baselines, one a test, beside the test file or in a folder of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.errors import (
    BaselineFileError,
    DefectError,
    MissingBaselineError,
)
from pytest_converge.baselines.files.paths import INNER_FOLDERS, is_obtained
from pytest_converge.baselines.files.regular_file import read_regular, replace_regular
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.files import write_file

__all__ = ["keep_obtained", "load", "read", "save"]


def load(path: Path, test: str) -> tuple[Baseline, ...]:
    """The recorded trainings of a test, in the order of their numbers.

    Args:
        path: from `baseline_path`.
        test: the id of the test.

    Raises:
        MissingBaselineError: there is no file.
        BaselineFileError: the file cannot be used; it stays as it is.
    """
    with _named(path, test):
        return loads(read_regular(path, inner=INNER_FOLDERS), test)


def read(path: Path) -> tuple[Baseline, ...]:
    """The trainings of any baseline file, wherever it lies and whatever its test; see `load`.

    Runs of a comparison that failed, which may be few, are read too.
    """
    with _named(path, ""):
        return loads(read_regular(path), whole=not is_obtained(path.name))


def save(path: Path, trainings: Sequence[Baseline]) -> None:
    """Replace the file of a test by these trainings, all of which belong to it.

    Atomic and durable: whenever the process is killed, the file is the old or the new one.

    Args:
        path: from `baseline_path`; its folders are created.
        trainings: at least one; their order does not matter.

    Raises:
        BaselineFileError: the file cannot be written, or would be refused by `load`.
        InvalidTrainingError: the trainings are not those of one test.
    """
    content, test = dumps(trainings).encode("ascii"), trainings[0].test
    with _named(path, test):
        # Nothing may be written that the next run would not read.
        loads(content, test)
        replace_regular(path, content, inner=INNER_FOLDERS)


def keep_obtained(path: Path, training: Baseline) -> None:
    """Write the runs of a comparison that failed, for `read`.

    Args:
        path: from `obtained_path`; its folders are created.
        training: the runs, few or many.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, dumps([training]).encode("ascii"))


@contextlib.contextmanager
def _named(path: Path, test: str) -> Iterator[None]:
    """Say of a defect whose file it is."""
    try:
        yield
    except FileNotFoundError:
        raise MissingBaselineError(path, "that does not exist", test=test) from None
    except DefectError as defect:
        raise BaselineFileError(path, defect, test=test) from None
