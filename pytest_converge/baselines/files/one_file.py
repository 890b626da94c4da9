"""Reading and replacing one file: no links, no races, nothing half written.

Where the system allows it (not on Windows), every folder below the first is opened by itself and
the next name is looked up in what was opened. Then a folder that is exchanged for a link in the
meantime changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from pytest_converge.baselines.files.errors import (
    IrregularBaselineError,
    LinkedBaselineError,
    MissingBaselineError,
    OversizedBaselineError,
    UnreadableBaselineError,
    UnwritableBaselineError,
)
from pytest_converge.baselines.files.paths import temporary_name

__all__ = ["SIZE_LIMIT", "read_regular", "replace_regular"]

#: Bytes. Twenty runs of 64 points take about 30 kB; this is room for 250 trainings in one test.
SIZE_LIMIT = 8 * 2**20

#: Whether names can be looked up in an opened folder.
RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
# A pipe without a writer would block an ordinary open; Windows would translate line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
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

    def open(self, name: str, flags: int, mode: int = 0o777) -> int:
        return os.open(self.at(name), flags | _NOFOLLOW, mode, dir_fd=self.fd)

    def sync(self) -> None:
        """Make names that were added durable, as far as the system can."""
        if self.fd is not None:
            # Some network file systems refuse it, and lose nothing by it.
            with contextlib.suppress(OSError):
                os.fsync(self.fd)


def read_regular(path: Path, *, inner: int = 0, test: str = "") -> bytes:
    """The bytes of a regular file of at most `SIZE_LIMIT`.

    Args:
        path: the file; it must be no link.
        inner: how many of the folders above it must be no links either.
        test: the id of its test, for messages.

    Raises:
        BaselineFileError: one of its kinds says which of this does not hold.
    """
    try:
        with _opened(path, inner, test) as folder:
            _require_regular(folder.state(path.name), path, test)
            with open(folder.open(path.name, _READ), "rb") as file:
                # What was opened may be another file than what was looked at.
                _require_regular(os.fstat(file.fileno()), path, test)
                content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise MissingBaselineError(path, "that does not exist", test=test) from None
    except OSError as error:
        raise UnreadableBaselineError(
            path, f"that cannot be read ({_why(error)})", test=test
        ) from None
    if len(content) > SIZE_LIMIT:
        raise OversizedBaselineError(path, f"of more than {SIZE_LIMIT} bytes", test=test)
    return content


def replace_regular(path: Path, content: bytes, *, inner: int = 0, test: str = "") -> None:
    """Put `content` in the place of a file, or of none: whole, or not at all.

    It is written under another name, brought to the disk, and renamed. A process that is killed
    meanwhile leaves the old file and at most a temporary one beside it. The permissions are those
    that `open` would leave: the old file's, else by the umask.

    Args:
        path: the file; missing inner folders are created.
        content: what it holds afterwards.
        inner: how many of the folders above it must be no links.
        test: the id of its test, for messages.

    Raises:
        BaselineFileError: a link or no file stands in its place, or it cannot be written.
    """
    try:
        with _opened(path, inner, test, create=True) as folder:
            old = folder.state(path.name)
            if old is not None:
                _require_regular(old, path, test)
            _replace(folder, path.name, content, old)
    except OSError as error:
        raise UnwritableBaselineError(
            path, f"that cannot be written ({_why(error)})", test=test
        ) from None


def _replace(folder: _Folder, name: str, content: bytes, old: os.stat_result | None) -> None:
    temporary = temporary_name(name, secrets.token_hex(8))
    try:
        with open(folder.open(temporary, _WRITE, 0o666), "wb") as file:
            if old is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        ends = {"src_dir_fd": folder.fd, "dst_dir_fd": folder.fd}
        os.replace(folder.at(temporary), folder.at(name), **ends)
    except BaseException:
        # Also of Ctrl-C; where it was never made there is nothing to remove.
        with contextlib.suppress(OSError):
            os.unlink(folder.at(temporary), dir_fd=folder.fd)
        raise
    folder.sync()


@contextlib.contextmanager
def _opened(path: Path, inner: int, test: str, create: bool = False) -> Iterator[_Folder]:
    """The folder of `path`, reached through `inner` folders that are no links."""
    with contextlib.ExitStack() as stack:
        folder = _Folder(path.parents[inner], None)
        if RELATIVE:
            folder.fd = os.open(folder.path, _FOLDER | _CLOSED)
            stack.callback(os.close, folder.fd)
        for parent in reversed(path.parents[:inner]):
            if create and folder.state(parent.name) is None:
                _make(folder, parent.name)
            _require_folder(folder.state(parent.name), parent, test)
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


def _require_folder(state: os.stat_result | None, path: Path, test: str) -> None:
    if state is None:
        raise FileNotFoundError(path)
    if stat.S_ISLNK(state.st_mode):
        raise LinkedBaselineError(path, "that is a symbolic link", test=test)
    if not stat.S_ISDIR(state.st_mode):
        raise IrregularBaselineError(path, "that is no folder", test=test)


def _require_regular(state: os.stat_result | None, path: Path, test: str) -> None:
    if state is None:
        raise FileNotFoundError(path)
    if stat.S_ISLNK(state.st_mode):
        raise LinkedBaselineError(path, "that is a symbolic link", test=test)
    if not stat.S_ISREG(state.st_mode):
        raise IrregularBaselineError(path, "that is no regular file", test=test)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
