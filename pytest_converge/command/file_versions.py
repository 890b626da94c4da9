"""The versions of a file in the history of its git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_converge.core.errors import invalid

__all__ = ["FileVersion", "is_shallow", "versions_of"]

#: Git answers in milliseconds, and walks a long history in seconds.
GIT_SECONDS = 60.0
#: Stands before each commit of the log; no name of a file has it.
MARK = "\x01"


class FileVersion(NamedTuple):
    """A file as a commit, or the working tree, has it.

    Attributes:
        commit: the short id; empty for the working tree.
        date: the day of the commit; empty for the working tree.
        content: of the file.
    """

    commit: str
    date: str
    content: bytes


def versions_of(path: Path) -> list[FileVersion]:
    """The versions of a file, the oldest first, under whatever name it had.

    The file as it stands comes last where no commit has it so.

    Raises:
        InvalidTrainingError: there is no git, or no repository around the file.
    """
    folder = path.absolute().parent
    log = _git(
        folder,
        *("--literal-pathspecs", "log", "--follow", "--no-ext-diff", "--name-only", "-z"),
        *(f"--format={MARK}%H %h %cs", "--", path.name),
    )
    found = []
    for entry in reversed(log.decode("utf-8", "surrogateescape").split(MARK)[1:]):
        head, *names = filter(None, (part.strip("\n") for part in entry.split("\0")))
        full, short, date = head.split(" ")
        # From the top of the repository; a merge that changed nothing has none. A commit that
        # removed the file has no content.
        content = _git(folder, "show", f"{full}:{names[0]}", may_fail=True) if names else b""
        if content:
            found.append(FileVersion(short, date, content))
    present = path.read_bytes()
    if not found or _unix(found[-1].content) != _unix(present):
        found.append(FileVersion("", "", present))
    return found


def is_shallow(folder: Path) -> bool:
    """True where the repository has a part of its history only."""
    return _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"


def _git(folder: Path, *arguments: str, may_fail: bool = False) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, the paths follow "--"
            command, capture_output=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        given, remedy = f"no answer of git ({error})", "Install git, and try it by hand."
        raise invalid(given, "the history of the file", remedy) from None
    if done.returncode and not may_fail:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        given = f"{folder}, of which git says: {lines[0] if lines else done.returncode}"
        raise invalid(given, "a folder in a git repository", "Commit the baselines first.")
    return b"" if done.returncode else done.stdout


def _unix(content: bytes) -> bytes:
    """With the line ends that git keeps, whatever a working tree has."""
    return content.replace(b"\r\n", b"\n")
