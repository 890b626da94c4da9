"""Versions of a file in a git repository."""

from __future__ import annotations

import subprocess

import pytest

from pytest_converge.command.file_versions import FileVersion, is_shallow, versions_of
from pytest_converge.core.errors import InvalidTrainingError


def git(folder, *arguments, date="2026-01-01"):
    environment = {
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@b.c"),
        **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{date}T12:00:00+00:00"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    done = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        env=environment,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def commit(path, content, date):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(content)
    git(path.parent, "add", "-A", date=date)
    git(path.parent, "commit", "-q", "-m", "a change", date=date)
    return git(path.parent, "rev-parse", "--short", "HEAD")


LONG = "".join(f"line {i}\n" for i in range(30))


def test_versions_come_in_order_under_every_name(repository):
    old, new = repository / "a b" / 'o"ld.json', repository / "new.json"
    first = commit(old, LONG, "2026-01-01")
    old.rename(new)
    second = commit(new, LONG + "more\n", "2026-02-01")
    commit(repository / "other", "x", "2026-03-01")
    assert versions_of(new) == [
        FileVersion(first, "2026-01-01", LONG.encode()),
        FileVersion(second, "2026-02-01", (LONG + "more\n").encode()),
    ]


def test_what_is_not_committed_comes_last(repository):
    path = repository / "a.json"
    commit(path, LONG, "2026-01-01")
    path.write_bytes(LONG.replace("\n", "\r\n").encode())
    assert len(versions_of(path)) == 1
    path.write_text("changed")
    assert versions_of(path)[1:] == [FileVersion("", "", b"changed")]


def test_a_file_that_was_never_committed_has_one_version(repository):
    commit(repository / "other", "x", "2026-01-01")
    path = repository / "a.json"
    path.write_text("new")
    assert versions_of(path) == [FileVersion("", "", b"new")]


def test_a_file_that_was_gone_for_a_while_has_no_version_there(repository):
    path = repository / "a.json"
    commit(path, LONG, "2026-01-01")
    git(repository, "rm", "-q", "a.json")
    git(repository, "commit", "-q", "-m", "gone", date="2026-02-01")
    commit(path, LONG, "2026-03-01")
    assert [version.date for version in versions_of(path)] == ["2026-01-01", "2026-03-01"]


def test_no_repository_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    path = tmp_path / "a.json"
    path.write_text("x")
    with pytest.raises(InvalidTrainingError, match=r"of which git says: .*a git repository"):
        versions_of(path)


def test_no_git_is_said(repository, monkeypatch):
    path = repository / "a.json"
    path.write_text("x")
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(InvalidTrainingError, match="no answer of git"):
        versions_of(path)


def test_a_shallow_clone_is_known(repository):
    commit(repository / "a.json", "1", "2026-01-01")
    commit(repository / "a.json", "2", "2026-01-02")
    git(repository, "clone", "-q", "--depth=1", repository.as_uri(), "clone")
    assert is_shallow(repository / "clone")
    assert not is_shallow(repository)
