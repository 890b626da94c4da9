"""The baseline files below some paths."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_converge.baselines.files.errors import BaselineFileError
from pytest_converge.baselines.files.paths import FOLDER, is_baseline, is_leftover
from pytest_converge.baselines.files.store import read
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.errors import invalid

__all__ = ["add_paths", "find_files", "read_all", "remove_empty"]

#: Folders that hold no tests of one's own; others that begin with a dot are left out too.
FOREIGN = frozenset({"__pycache__", "node_modules", "site-packages"})


def add_paths(parser: argparse.ArgumentParser, what: str) -> None:
    """Let a command take paths to look through."""
    text = f"{what} (default: the working folder)"
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, default=[Path()], help=text)


@dataclasses.dataclass(frozen=True, slots=True)
class BaselineFiles:
    """The files below some paths, each kind sorted and none twice.

    Attributes:
        baselines: recorded baselines, sound or not.
        leftovers: temporary files of writers that were killed.
    """

    baselines: tuple[Path, ...]
    leftovers: tuple[Path, ...]


def find_files(paths: Sequence[Path]) -> BaselineFiles:
    """All baseline files below `paths`; a path that is a file stands for itself.

    Links to folders are not followed.

    Raises:
        InvalidTrainingError: a path does not exist.
    """
    files: set[Path] = set()
    for path in paths:
        if path.is_dir():
            files.update(_below(path))
        elif path.exists():
            files.add(path)
        else:
            given, expected = f"the path {path}, which does not exist", "a file or a folder"
            remedy = f"Baselines lie in {FOLDER}, beside the tests."
            raise invalid(given, expected, remedy)
    leftovers = {path for path in files if is_leftover(path.name)}
    return BaselineFiles(tuple(sorted(files - leftovers)), tuple(sorted(leftovers)))


def _below(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        here = Path(name)
        folders[:] = [inner for inner in folders if not _is_foreign(here / inner)]
        if here.absolute().parent.name == FOLDER:
            yield from (here / file for file in files if is_baseline(file) or is_leftover(file))


def _is_foreign(folder: Path) -> bool:
    name = folder.name
    return name.startswith(".") or name in FOREIGN or (folder / "pyvenv.cfg").exists()


def read_all(
    paths: Iterable[Path], terminal: Terminal
) -> tuple[dict[Path, tuple[Baseline, ...]], bool]:
    """The trainings of each file, and whether all could be read.

    What is wrong with the others is said on the terminal.
    """
    trainings: dict[Path, tuple[Baseline, ...]] = {}
    sound = True
    for path in paths:
        try:
            trainings[path] = read(path)
        except BaselineFileError as error:
            terminal.complain(str(error))
            sound = False
    return trainings, sound


def remove_empty(folders: Iterable[Path]) -> None:
    """Delete folders of baselines that hold nothing any more."""
    for folder in dict.fromkeys(folders):
        # One that is not empty refuses.
        with contextlib.suppress(OSError):
            folder.rmdir()
            if folder.absolute().parent.name == FOLDER:
                folder.parent.rmdir()
