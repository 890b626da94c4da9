"""The git repository of a folder: the revision that is checked out, and where it begins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_converge.core.repository import GIT_SECONDS, commit_of, root_of


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_repository_has_one_once_something_is_committed(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return done.stdout.strip()

    git("init", "--quiet")
    assert commit_of(tmp_path) == ""
    git("commit", "--quiet", "--allow-empty", "-m", "first")
    assert commit_of(tmp_path) == git("rev-parse", "HEAD")


def test_a_folder_that_is_no_repository_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == ""
    assert commit_of(tmp_path / "missing") == ""


@pytest.mark.parametrize("error", [FileNotFoundError, subprocess.TimeoutExpired("git", 10)])
def test_without_an_answer_of_git_in_time_there_is_none(tmp_path, monkeypatch, error):
    def run(*_, timeout, **__):
        assert timeout == GIT_SECONDS
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    assert commit_of(tmp_path) == ""


def test_the_root_is_where_the_repository_begins(tmp_path):
    inner = tmp_path / "package" / "tests"
    inner.mkdir(parents=True)
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")  # as in a worktree
    assert root_of(inner) == tmp_path.resolve()


def test_a_folder_of_no_repository_is_its_own_root():
    folder = Path(Path.cwd().anchor)
    assert root_of(folder) == folder
