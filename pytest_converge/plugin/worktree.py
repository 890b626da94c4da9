"""Another revision of a git repository in a folder of its own, removed afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_converge.core.errors import complaint

__all__ = ["Revision", "find_revision", "outside_of_hooks", "worktree"]

#: Git answers in milliseconds, and checks out a large repository in seconds.
ASK_SECONDS, CHECK_OUT_SECONDS = 60.0, 600.0


class Revision(NamedTuple):
    """A commit of the repository that holds a folder.

    Attributes:
        top: the root of the working tree.
        name: the revision as it was given.
        commit: its full id.
    """

    top: Path
    name: str
    commit: str


def find_revision(folder: Path, name: str) -> Revision:
    """The commit that a revision names.

    Raises:
        pytest.UsageError: there is no git, no repository, or no such revision.
    """
    given = f"--converge-ab={name}"
    try:
        top = _git(folder, "rev-parse", "--show-toplevel")
    except OSError as error:
        remedy = "Install git, or compare with recorded baselines."
        raise pytest.UsageError(complaint(f"{given} and no git ({error})", "git", remedy)) from None
    if top.returncode or not top.stdout.strip():
        remedy = "Run the tests in a clone."
        raise pytest.UsageError(complaint(f"{given} in {folder}", "a git repository", remedy))
    root = Path(top.stdout.strip()).resolve()
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        remedy = "Fetch it first: a shallow clone has one revision alone."
        raise pytest.UsageError(complaint(given, "a revision of this repository", remedy))
    return Revision(root, name, found.stdout.strip())


@contextlib.contextmanager
def worktree(revision: Revision, folder: Path) -> Iterator[Path]:
    """The files of a revision in a new folder, gone at the end, also after Ctrl-C.

    Raises:
        pytest.UsageError: git cannot check it out.
    """
    try:
        done = _git(
            revision.top,
            *("worktree", "add", "--detach", "--force", str(folder), revision.commit),
            seconds=CHECK_OUT_SECONDS,
        )
        if done.returncode:
            given = f"--converge-ab={revision.name}, which git cannot check out"
            hook = _failed_hook(revision, folder)
            if hook:
                given = (
                    f"--converge-ab={revision.name}, after whose check-out the hook {hook} failed"
                )
                given += f" with exit code {done.returncode}"
                said = " ".join(done.stderr.split())
                remedy = f"Repair the hook, or have git run none. It says: {said}"
                raise pytest.UsageError(complaint(given, "a hook that passes", remedy))
            said = " ".join(done.stderr.split())
            raise pytest.UsageError(complaint(given, "a revision that it can", f"It says: {said}"))
        yield folder
    finally:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _git(revision.top, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _git(revision.top, "worktree", "prune")


def _failed_hook(revision: Revision, folder: Path) -> str:
    """The hook that git ran after the files were there; empty where they are not, or none is."""
    head = _git(folder, "rev-parse", "HEAD") if folder.is_dir() else None
    if head is None or head.stdout.strip() != revision.commit:
        return ""
    asked = _git(folder, "rev-parse", "--git-path", "hooks/post-checkout").stdout.strip()
    path = folder / asked
    return str(path) if asked and os.access(path, os.X_OK) else ""


def outside_of_hooks() -> dict[str, str]:
    """The environment without what git tells its hooks about the repository they run for."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}
    }


def _git(
    folder: Path, *arguments: str, seconds: float = ASK_SECONDS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the arguments are those above; a revision is no option
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is found as in a shell
        capture_output=True,
        text=True,
        timeout=seconds,
        env=outside_of_hooks(),
        check=False,
    )
