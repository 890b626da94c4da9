"""Files that are written: names that hold for every test, and the one writer."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

__all__ = ["append_to_file", "digest", "replace", "slug", "temporary_name", "write_file"]

#: Hexadecimal digits of a digest: two among a thousand names are alike once in 8,000 projects.
DIGEST_LENGTH = 8
# Windows would translate line ends.
_PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | _PLAIN
# A pipe that nobody reads would block an ordinary open.
_PRESENT = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
_SHARED = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _PLAIN


def slug(text: str, *, besides: str = "") -> str:
    """What every file system takes of a text: ASCII letters, digits, `_`, and `-` for the rest.

    Args:
        text: for example the id of a test.
        besides: characters that are kept as well.
    """
    return re.sub(f"[^A-Za-z0-9_{re.escape(besides)}]+", "-", text)


def digest(text: str) -> str:
    """A few characters that tell a text from others with the same slug."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def temporary_name(name: str, token: str) -> str:
    """The name beside `name` under which a file is written before it takes its place."""
    return f"{name}.{token}.tmp"


def write_file(path: Path, content: bytes) -> None:
    """Write a file that the user asked for: whole or not at all, at the end of any links.

    What is no regular file, as a pipe or a device, is written to and stays what it is; so is the
    file that the process itself writes its output to.

    Raises:
        OSError: it cannot be written, or is a pipe that nobody reads.
    """
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = path.stat()
    if old is None or (stat.S_ISREG(old.st_mode) and _output_like(old) is None):
        replace(os.path.realpath(path), content, old=old)
        return
    output = _output_like(old)
    descriptor = os.open(path, _PRESENT) if output is None else os.dup(output)
    with open(descriptor, "wb") as file:
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        file.write(content)


def append_to_file(path: Path, content: bytes) -> None:
    """Add to a file that others add to as well, in one write, so that their parts stay whole.

    Raises:
        OSError: it cannot be written.
    """
    with open(os.open(path, _SHARED, 0o666), "wb", buffering=0) as file:
        done = file.write(content)
    if done != len(content):
        raise OSError(errno.ENOSPC, f"{done} of {len(content)} bytes were written", str(path))


def replace(
    path: str, content: bytes, *, old: os.stat_result | None, folder: int | None = None
) -> None:
    """Put `content` in the place of a file.

    It is written under another name, brought to the disk, and renamed. A process that is killed
    meanwhile leaves the old file and at most a temporary one beside it.

    Args:
        path: the file, no link; in `folder` where that is given.
        content: what it holds afterwards.
        old: the file that stands there, whose permissions the new one gets; None for none.
        folder: an opened folder.

    Raises:
        OSError: it cannot be written.
    """
    temporary = temporary_name(path, secrets.token_hex(8))
    try:
        with open(os.open(temporary, _NEW, 0o666, dir_fd=folder), "wb") as file:
            if old is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        # Also of Ctrl-C; where it was never made there is nothing to remove.
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _output_like(state: os.stat_result) -> int | None:
    """The descriptor, 1 or 2, by which this process writes to a file; None where it does not."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(state, os.fstat(descriptor)):
                return descriptor
    return None
