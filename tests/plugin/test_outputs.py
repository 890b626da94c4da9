"""What the options say of files, and whether those can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_converge.plugin.outputs import (
    SUMMARY_VARIABLE,
    Report,
    path_of,
    report_of,
    wrong_file,
    wrong_folder,
)


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("annotations", "annotations", None),
        ("annotations:marks.txt", "annotations", "marks.txt"),
        ("summary:a/b.md", "summary", "a/b.md"),
        ("summary:C:\\page.md", "summary", "C:\\page.md"),
        ("codequality", "codequality", "gl-code-quality-report.json"),
        ("codequality:a.json", "codequality", "a.json"),
        ("off", "off", None),
    ],
)
def test_a_report_is_a_kind_and_perhaps_a_path(text: str, kind: str, path: str | None) -> None:
    assert report_of(text) == Report(kind, None if path is None else Path(path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "html", "summary", "summary:", "annotations:", ":a", "off:a", "Summary:a.md"]
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        report_of(text)


def test_github_says_where_the_summary_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUMMARY_VARIABLE, "/tmp/page")  # noqa: S108 - a name
    assert report_of("summary").path == Path("/tmp/page")  # noqa: S108
    assert report_of("summary:a.md").path == Path("a.md")


def test_a_path_begins_at_home_where_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert path_of("~/a") == Path("/home/me/a")
    with pytest.raises(ValueError, match=r"^$"):
        path_of("")


def test_a_file_needs_a_folder_that_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong_file(tmp_path / "a.json") is None
    assert wrong_file(tmp_path) is not None
    assert wrong_file(tmp_path / "no" / "a.json") is not None
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert wrong_file(tmp_path / "a.json") is not None


def test_a_folder_may_be_missing_but_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert wrong_folder(tmp_path / "a" / "b") is None
    assert wrong_folder(tmp_path / "file") is not None
    assert wrong_folder(tmp_path / "file" / "a") is not None
