"""Where the baseline of a test lies: names that are safe on every file system."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_converge.core.files import digest, slug

__all__ = [
    "FOLDER",
    "INNER_FOLDERS",
    "baseline_path",
    "is_baseline",
    "is_leftover",
    "is_obtained",
    "obtained_path",
    "path_of_test",
]

#: Beside the test file.
FOLDER = "__converge__"
#: Folders between that of the test file and the baseline: this one and that of the module.
INNER_FOLDERS = 2
#: Characters of a name that says which test it is. A file system takes 255 bytes, but Windows only
#: 260 characters for the whole path, so that names stay well below.
SLUG_LENGTH = 80
#: Names that Windows keeps for devices, with any extension and in any case:
#: learn.microsoft.com/windows/win32/fileio/naming-a-file.
RESERVED = frozenset(
    {"aux", "con", "nul", "prn", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}
)

#: Of the files with the runs of comparisons that failed.
OBTAINED = ".obtained"

_BASELINE = re.compile(r"[A-Za-z0-9_-]+--[0-9a-f]{8}\.json")
_LEFTOVER = re.compile(_BASELINE.pattern + r"\.[0-9a-f]{16}\.tmp")


def baseline_path(folder: Path, test_file: Path, node_id: str) -> Path:
    """The file of the test's baseline: `<folder>/__converge__/<module>/<test>--<digest>.json`.

    Args:
        folder: that of the test file, or another one to keep baselines in.
        test_file: where the test stands; its stem names the module's folder.
        node_id: the id that pytest gives the test.
    """
    return folder / FOLDER / _module_name(test_file.stem) / file_name(node_id)


def path_of_test(node_id: str) -> Path:
    """The baseline beside the file of a test, from the folder that its id starts from."""
    test_file = Path(node_id.partition("::")[0])
    return baseline_path(test_file.parent, test_file, node_id)


def file_name(node_id: str) -> str:
    """The name of a baseline's file: what can be read of the test's id, and a digest of all of it.

    Only ASCII letters, digits, `-` and `_` are kept, so that the name cannot lead out of its
    folder and is the same on every file system. Ids that differ in other characters, beyond the
    cut or only in case have other digests.
    """
    _, _, name = node_id.partition("::")
    return f"{_short(name) or 'test'}--{digest(node_id)}.json"


def obtained_path(folder: Path, test_file: Path, node_id: str, number: int) -> Path:
    """The file for the runs of a failed comparison: `<folder>/<module>/<test>--<digest>.obtained`.

    Args:
        folder: where such files are kept, which is none of baselines.
        test_file: where the test stands.
        node_id: the id that pytest gives the test.
        number: of the training; from the second on it stands in the name.
    """
    name = Path(file_name(node_id)).stem + (f"-{number}" if number > 1 else "")
    return folder / _module_name(test_file.stem) / f"{name}{OBTAINED}"


def is_obtained(name: str) -> bool:
    """True where a file's name is that of runs of a comparison that failed."""
    return name.endswith(OBTAINED)


def is_baseline(name: str) -> bool:
    """True where a file's name is one that `file_name` may give."""
    return _BASELINE.fullmatch(name) is not None


def is_leftover(name: str) -> bool:
    """True where a file's name is that of a baseline which was being written."""
    return _LEFTOVER.fullmatch(name) is not None


def _module_name(stem: str) -> str:
    name = _short(stem) or "module"
    return f"{name}_" if name.lower() in RESERVED else name


def _short(text: str) -> str:
    return slug(text)[:SLUG_LENGTH].strip("-")
