"""Baselines whose test is gone, beside one that is missing: it may have been renamed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from pytest_converge.baselines.files.errors import BaselineFileError
from pytest_converge.baselines.files.paths import is_baseline
from pytest_converge.baselines.files.store import read

__all__ = ["orphan_beside"]

#: Files that are read for it, at most.
MOST_FILES = 200


def orphan_beside(path: Path, test_file: Path, test: str) -> str:
    """The id of a test that has a baseline and is gone; empty where there is none, or several.

    One whose function has the present name, in a file that is gone, goes before those of this
    module whose function its source does not define any more.

    Args:
        path: where the baseline of the present test should be.
        test_file: where that test stands.
        test: its id.
    """
    sources: dict[Path, str] = {}
    moved, renamed = [], []
    for file in sorted(path.parent.parent.glob("*/*.json"))[:MOST_FILES]:
        if not is_baseline(file.name):
            continue
        with contextlib.suppress(BaselineFileError):
            other = read(file)[0].test
            place = test_file.parent / Path(other.partition("::")[0]).name
            if place not in sources:
                sources[place] = _text(place)
            if not place.is_file() and _names(other) == _names(test):
                moved.append(other)
            elif place == test_file and not _defines(sources[place], other):
                renamed.append(other)
    found = moved or renamed
    return found[0] if len(found) == 1 else ""


def _names(test: str) -> str:
    return test.partition("::")[2]


def _defines(source: str, test: str) -> bool:
    """Whether a source has the function and the classes of a test."""
    names = [name.partition("[")[0] for name in _names(test).split("::")]
    return all(re.search(rf"\b(def|class)\s+{re.escape(name)}\b", source) for name in names)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
