"""Another revision of a repository in a folder of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_converge.plugin.worktree import Revision, find_revision, outside_of_hooks, worktree


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false")
    done = subprocess.run(  # noqa: S603 - git with the arguments below
        ["git", "-C", str(folder), *names, *arguments],  # noqa: S607 - found as in a shell
        capture_output=True,
        text=True,
        check=True,
        env=outside_of_hooks(),
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits, of which the first is called `before`."""
    top = tmp_path.resolve() / "repository"
    (top / "inner").mkdir(parents=True)
    git(top, "init", "-q")
    for text in ("one", "two"):
        (top / "file").write_text(text)
        git(top, "add", "-A")
        git(top, "commit", "-qm", text)
    git(top, "tag", "before", "HEAD~1")
    return top


def test_a_revision_is_found_from_a_folder_within(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD~1")
    assert find_revision(repository / "inner", "before") == Revision(repository, "before", commit)


@pytest.mark.parametrize("name", ["nowhere", "--help"])
def test_an_unknown_revision_is_refused(repository: Path, name: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"--converge-ab={name}; expected a revision"):
        find_revision(repository, name)


def test_a_folder_without_a_repository_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(pytest.UsageError, match="expected a git repository"):
        find_revision(tmp_path, "HEAD")


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_folder_is_there_for_as_long_as_it_is_used(
    repository: Path, tmp_path: Path, error: type[BaseException] | None
) -> None:
    def use() -> None:
        with worktree(find_revision(repository, "before"), tmp_path / "tree") as tree:
            assert (tree / "file").read_text() == "one"
            if error is not None:
                raise error

    if error is None:
        use()
    else:
        with pytest.raises(error):
            use()
    assert not (tmp_path / "tree").exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (repository / "file").read_text() == "two"


def test_a_hook_that_fails_is_named(repository: Path, tmp_path: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 3\n")
    hook.chmod(0o755)
    revision = find_revision(repository, "before")
    pattern = rf"--converge-ab=before, .* the hook {hook} failed with exit code 3; .*not today"
    with pytest.raises(pytest.UsageError, match=pattern), worktree(revision, tmp_path / "tree"):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    (repository / "file").write_text("three")  # what fails before the hook is git's own
    (tmp_path / "tree").write_text("in the way")
    with (
        pytest.raises(pytest.UsageError, match="which git cannot check out"),
        worktree(revision, tmp_path / "tree"),
    ):
        pass
