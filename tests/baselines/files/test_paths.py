"""Names of baseline files: readable, distinct, and safe on every file system."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

import pytest

from pytest_converge.baselines.files.paths import (
    FOLDER,
    INNER_FOLDERS,
    RESERVED,
    baseline_path,
    file_name,
    is_baseline,
    is_leftover,
    is_obtained,
    obtained_path,
)
from pytest_converge.core.files import temporary_name

FILE = Path("tests/test_models.py")
TOKEN = "0123456789abcdef"  # noqa: S105 - what makes a temporary name unique

NASTY = [
    "t.py::test_x[../../../etc/passwd]",
    "t.py::test_x[..\\..\\boot.ini]",
    "t.py::..",
    "t.py::.",
    "t.py::",
    "t.py",
    "",
    "t.py::/etc/passwd",
    "t.py::C:\\Windows",
    "t.py::CON",
    "t.py::nul.json",
    "t.py::test_x[a\0b]",
    "t.py::test_x[a\nb]",
    "t.py::test_x[\u202eevil]",
    "t.py::test_x[\ud800]",
    "t.py::test_x[trailing. . .]",
    "t.py::test_x[" + "long" * 500 + "]",
    "t.py::test_" + "\N{GREEK SMALL LETTER ALPHA}" * 300,
    "t.py::~root",
    "t.py::$HOME",
    "t.py::-rf",
    "t.py::*?<>|:\"'",
]


def test_the_file_of_a_test_lies_beside_it():
    path = baseline_path(FILE.parent, FILE, "tests/test_models.py::TestWine::test_fit[adam-32]")
    # sha256 of the id, as `printf ID | sha256sum` gives it.
    name = "TestWine-test_fit-adam-32--91c81e66.json"
    assert path == Path("tests/__converge__/test_models") / name
    assert path.parents[INNER_FOLDERS] == FILE.parent


def test_baselines_may_be_kept_in_another_folder():
    path = baseline_path(Path("/else/where"), FILE, "tests/test_models.py::test_a")
    assert path.parents[INNER_FOLDERS] == Path("/else/where")
    assert path.parent == Path("/else/where", FOLDER, "test_models")


@pytest.mark.parametrize("node_id", NASTY)
def test_a_name_cannot_leave_its_folder(node_id):
    name = file_name(node_id)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*--[0-9a-f]{8}\.json", name)
    path = baseline_path(FILE.parent, FILE, node_id)
    assert path.parent.parent.parent == FILE.parent
    assert Path(path.name) == Path(name)
    assert PureWindowsPath(name).name == name
    assert PureWindowsPath(name).stem.lower() not in RESERVED


@pytest.mark.parametrize("node_id", NASTY)
def test_a_name_is_short_even_while_it_is_written(node_id):
    assert len(temporary_name(file_name(node_id), TOKEN)) < 128


@pytest.mark.parametrize("stem", ["..", ".", "", "CON", "con", "Lpt1", "x" * 300, "\ud800"])
def test_the_folder_of_a_module_is_as_safe(stem):
    folder = baseline_path(Path("base"), FILE.with_name(f"{stem}.py"), "t.py::a").parent
    assert folder.parent == Path("base", FOLDER)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,80}", folder.name)
    assert folder.name.lower() not in RESERVED


def test_a_reserved_name_of_a_module_gets_another_end():
    assert baseline_path(Path(), Path("aux.py"), "aux.py::a").parent.name == "aux_"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t.py::test_a", "t.py::test_A"),  # the same file where case does not count
        ("t.py::test_a[x.y]", "t.py::test_a[x-y]"),
        ("t.py::test_a[\N{GREEK SMALL LETTER ALPHA}]", "t.py::test_a[\N{CYRILLIC SMALL LETTER A}]"),
        ("t.py::test_" + "a" * 200, "t.py::test_" + "a" * 201),
        ("a/t.py::test", "b/t.py::test"),
        ("t.py::test[\u00e9]", "t.py::test[e\u0301]"),
        ("t.py::A::test", "t.py::A-test"),
    ],
)
def test_different_tests_have_different_files(one, other):
    assert file_name(one).lower() != file_name(other).lower()


def test_names_are_recognised():
    name = file_name("t.py::test_a[1]")
    temporary = temporary_name(name, TOKEN)
    assert is_baseline(name)
    assert not is_leftover(name)
    assert is_leftover(temporary)
    assert not is_baseline(temporary)


@pytest.mark.parametrize("name", ["notes.json", "a--12345678.txt", "a--1234567.json", "data.tmp"])
def test_other_files_are_nobodys(name):
    assert not is_baseline(name)
    assert not is_leftover(name)


def test_obtained_runs_have_names_of_their_own():
    folder, file, test = Path("out"), Path("a/test_b.py"), "a/test_b.py::test_c"
    first, second = (obtained_path(folder, file, test, number) for number in (1, 2))
    assert re.fullmatch(r"out/test_b/test_c--[0-9a-f]{8}\.obtained", first.as_posix())
    assert second.name == f"{first.stem}-2.obtained"
    for path in (first, second):
        assert is_obtained(path.name)
        assert not is_baseline(path.name)
        assert not is_leftover(path.name)
