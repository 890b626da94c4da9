"""The files below a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_converge.command.baseline_files import find_files
from pytest_converge.core.errors import InvalidTrainingError
from tests.recorded import recorded

TOKEN = ".0123456789abcdef.tmp"  # noqa: S105 - the end of a temporary name


def test_baselines_and_leftovers_are_told_apart_and_others_left_out(wine):
    left = wine.with_name(wine.name + TOKEN)
    for path in (left, wine.with_name("notes.json"), wine.parent / "README.md"):
        path.write_text("")
    found = find_files([Path()])
    assert found.baselines == (wine,)
    assert found.leftovers == (left,)


def test_files_elsewhere_are_none_unless_named(tmp_path):
    other = Path("data--01234567.json")
    other.write_text("")
    assert find_files([Path()]).baselines == ()
    assert find_files([other]).baselines == (other,)


@pytest.mark.parametrize("start", [".", "tests", "tests/__converge__", "absolute"])
def test_a_search_may_start_anywhere(wine, start, tmp_path):
    path = tmp_path if start == "absolute" else Path(start)
    assert [found.name for found in find_files([path]).baselines] == [wine.name]


def test_a_search_from_inside_finds_the_same(wine, monkeypatch):
    monkeypatch.chdir(wine.parent)
    assert find_files([Path()]).baselines == (Path(wine.name),)


def test_each_is_found_once(wine):
    assert find_files([Path(), Path("tests"), wine]).baselines == (wine,)


@pytest.mark.parametrize("folder", [".hidden", "node_modules", "venv"])
def test_foreign_folders_are_left_out(save, folder):
    (Path() / "venv").mkdir()
    (Path() / "venv" / "pyvenv.cfg").write_text("")
    save(recorded(), folder=folder)
    assert find_files([Path()]).baselines == ()


def test_links_to_folders_are_not_followed(wine, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "tests")
    assert find_files([Path()]).baselines == (wine,)


def test_a_path_that_does_not_exist_is_an_error():
    with pytest.raises(InvalidTrainingError, match="which does not exist"):
        find_files([Path("nowhere")])
