"""Names of files, and files that are replaced at once."""

from __future__ import annotations

import os
import stat

import pytest

from pytest_converge.core.files import digest, replace_text, slug


@pytest.mark.parametrize(
    ("text", "besides", "name"),
    [
        ("test_it[a b]", "", "test_it-a-b-"),
        ("test/é.py::test", "", "test-py-test"),
        ("rate=0.1-x", ".=-", "rate=0.1-x"),
        ("rate=0.1", "", "rate-0-1"),
    ],
)
def test_a_slug_holds_what_every_file_system_takes(text, besides, name):
    assert slug(text, besides=besides) == name


def test_a_digest_tells_texts_apart():
    assert digest("a") != digest("A")
    assert len(digest("\udc80")) == 8


def test_a_file_is_replaced_with_the_usual_permissions(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    replace_text(path, "new é")
    assert path.read_text(encoding="utf-8") == "new é"
    assert os.listdir(tmp_path) == ["report.json"]
    other = tmp_path / "other"
    other.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_failure_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "\udc80")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]
