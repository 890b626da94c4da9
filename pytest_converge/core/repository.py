"""The git repository that a folder lies in."""

from __future__ import annotations

from pathlib import Path

__all__ = ["commit_of", "root_of"]

#: Git answers at once where there is a repository; nothing depends on the answer.
GIT_SECONDS = 10.0


def commit_of(folder: Path) -> str:
    """The revision that is checked out there; empty without git or a repository."""
    import subprocess  # every suite comes by this module, and few need this

    command = ["git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the folder is an argument
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def root_of(folder: Path) -> Path:
    """The root of the working tree that a folder lies in; the folder itself where there is none."""
    folder = folder.resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
