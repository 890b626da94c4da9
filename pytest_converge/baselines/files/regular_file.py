"""Reading and replacing one regular file: no links, no races, nothing half written.

Where the system allows it (not on Windows), every folder below the first is opened by itself and
the next name is looked up in what was opened. Then a folder that is exchanged for a link in the
meantime changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.core.files import replace

__all__ = ["read_regular", "replace_regular"]

#: Bytes. Twenty runs of 64 points take about 30 kB; this is room for 250 trainings in one test.
SIZE_LIMIT = 8 * 2**20
REGULAR = "a regular file in regular folders"

#: Whether names can be looked up in an opened folder.
RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
# A pipe without a writer would block an ordinary open; Windows would translate line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CLOSED = getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | _CLOSED
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


class _Folder:
    """An opened folder, or its path where folders cannot be opened."""

    __slots__ = ("fd", "path")

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path, self.fd = path, fd

    def at(self, name: str) -> str:
        return name if self.fd is not None else str(self.path / name)

    def state(self, name: str) -> os.stat_result | None:
        """What is known about a name without following links; None where there is none."""
        try:
            return os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str, flags: int) -> int:
        return os.open(self.at(name), flags | _NOFOLLOW, dir_fd=self.fd)

    def sync(self) -> None:
        """Make names that were added durable, as far as the system can."""
        if self.fd is not None:
            # Some network file systems refuse it, and lose nothing by it.
            with contextlib.suppress(OSError):
                os.fsync(self.fd)


def read_regular(path: Path, *, inner: int = 0) -> bytes:
    """The bytes of a regular file of at most `SIZE_LIMIT`.

    Args:
        path: the file; it must be no link.
        inner: how many of the folders above it must be no links either.

    Raises:
        FileNotFoundError: there is none.
        DefectError: a link or no file stands in its place, or it cannot be read.
    """
    try:
        with _opened(path, inner) as folder:
            _require(stat.S_ISREG, folder.state(path.name), path)
            with open(folder.open(path.name, _READ), "rb") as file:
                # What was opened may be another file than what was looked at.
                _require(stat.S_ISREG, os.fstat(file.fileno()), path)
                content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        remedy = "Look at its permissions and at those of its folder."
        text = f"that cannot be read ({_why(error)})"
        raise DefectError(text, "a file that can be read", remedy) from None
    if len(content) > SIZE_LIMIT:
        raise DefectError(f"of more than {SIZE_LIMIT} bytes")
    return content


def replace_regular(path: Path, content: bytes, *, inner: int = 0) -> None:
    """Put `content` in the place of a regular file, or of none, whole or not at all.

    Args:
        path: the file; missing inner folders are created.
        content: what it holds afterwards.
        inner: how many of the folders above it must be no links.

    Raises:
        DefectError: a link or no file stands in its place, or it cannot be written.
    """
    try:
        with _opened(path, inner, create=True) as folder:
            old = folder.state(path.name)
            if old is not None:
                _require(stat.S_ISREG, old, path)
            replace(folder.at(path.name), content, old=old, folder=folder.fd)
            folder.sync()
    except OSError as error:
        remedy = "Look at the permissions of the folder and at the space on the disk."
        text = f"that cannot be written ({_why(error)})"
        raise DefectError(text, "a folder that can be written to", remedy) from None


@contextlib.contextmanager
def _opened(path: Path, inner: int, *, create: bool = False) -> Iterator[_Folder]:
    """The folder of `path`, reached through `inner` folders that are no links."""
    with contextlib.ExitStack() as stack:
        folder = _Folder(path.parents[inner], None)
        if RELATIVE:
            folder.fd = os.open(folder.path, _FOLDER | _CLOSED)
            stack.callback(os.close, folder.fd)
        for parent in reversed(path.parents[:inner]):
            if create and folder.state(parent.name) is None:
                _make(folder, parent.name)
            _require(stat.S_ISDIR, folder.state(parent.name), parent)
            inside = _Folder(parent, None)
            if RELATIVE:
                inside.fd = folder.open(parent.name, _FOLDER)
                stack.callback(os.close, inside.fd)
            folder = inside
        yield folder


def _make(folder: _Folder, name: str) -> None:
    # Another process may make it at the same moment.
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder.at(name), dir_fd=folder.fd)
    folder.sync()


def _require(kind: Callable[[int], bool], state: os.stat_result | None, path: Path) -> None:
    """Refuse anything else than what `kind` says; links too.

    What is behind a link may be anywhere, and may be another file a moment later.
    """
    if state is None:
        raise FileNotFoundError(path)
    if stat.S_ISLNK(state.st_mode):
        remedy = "Put the file or folder itself in the place of the link."
        raise DefectError("that is a symbolic link", REGULAR, remedy, path)
    if not kind(state.st_mode):
        what = "folder" if kind is stat.S_ISDIR else "regular file"
        raise DefectError(f"that is no {what}", REGULAR, "Move away what stands there.", path)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
