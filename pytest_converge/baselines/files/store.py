"""The files of baselines, one a test, beside the test file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.one_file import read_regular, replace_regular
from pytest_converge.baselines.files.paths import INNER_FOLDERS, baseline_path
from pytest_converge.core.baseline import Baseline

__all__ = ["Store", "read"]


@dataclasses.dataclass(frozen=True, slots=True)
class Store:
    """Loads and saves baselines; nothing is written before `save`.

    Attributes:
        root: the folder that holds all baselines; None puts each beside its test file.
    """

    root: Path | None = None

    def path_of(self, test_file: Path, node_id: str) -> Path:
        """The file of a test, whether or not it exists.

        Args:
            test_file: where the test stands.
            node_id: the id that pytest gives it.
        """
        return baseline_path(self.root or test_file.parent, test_file, node_id)

    def load(self, path: Path, node_id: str) -> tuple[Baseline, ...]:
        """The recorded trainings of a test, in the order of their numbers.

        Args:
            path: from `path_of`.
            node_id: the id of the test.

        Raises:
            MissingBaselineError: there is no file.
            BaselineFileError: the file cannot be used; it stays as it is.
        """
        return loads(read_regular(path, inner=INNER_FOLDERS, test=node_id), path=path, test=node_id)

    def save(self, path: Path, trainings: Sequence[Baseline]) -> None:
        """Replace the file of a test by these trainings, all of which belong to it.

        Atomic and durable: whenever the process is killed, the file is the old or the new one.

        Args:
            path: from `path_of`; its folders are created.
            trainings: at least one; their order does not matter.

        Raises:
            BaselineFileError: the file cannot be written, or would be refused by `load`.
            InvalidTrainingError: the trainings are not those of one test.
        """
        content, test = dumps(trainings).encode("ascii"), trainings[0].test
        # Nothing may be written that the next run would not read.
        loads(content, path=path, test=test)
        replace_regular(path, content, inner=INNER_FOLDERS, test=test)


def read(path: Path) -> tuple[Baseline, ...]:
    """The trainings of any baseline file, wherever it lies and whatever its test.

    Raises:
        BaselineFileError: the file cannot be used.
    """
    return loads(read_regular(path), path=path)
