"""The revision of a folder."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pytest_converge.baselines.session.commit import commit_of


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
def test_without_an_answer_of_git_there_is_none(tmp_path, monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    assert commit_of(tmp_path) == ""
