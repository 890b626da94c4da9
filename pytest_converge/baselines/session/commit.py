"""The revision of the code that a baseline is recorded at."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["commit_of"]

#: Git answers at once where there is a repository; nothing depends on the answer.
GIT_SECONDS = 10.0


def commit_of(folder: Path) -> str:
    """The revision that is checked out there; empty without git or a repository."""
    command = ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the folder is an argument
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
