"""`converge rename`: the runs stay, the test is another."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_converge.baselines.files.paths import path_of_test
from pytest_converge.baselines.files.store import load
from tests.recorded import TEST, recorded

BEER = "tests/test_models.py::test_beer[a/b]"


def test_the_runs_are_those_of_the_old_test(run, save):
    before = (recorded(settings={"seed": 7, "steps": 200}), recorded(number=2))
    old = save(*before)
    stored = load(old, TEST)
    new = path_of_test(BEER)
    assert run("rename", TEST, BEER) == (
        0,
        f"{old} -> {new}\nunless the test states its seed: @pytest.mark.converges(seed=7)\n",
        "",
    )
    assert load(new, BEER) == tuple(dataclasses.replace(each, test=BEER) for each in stored)
    assert not old.exists()


def test_the_folder_of_a_module_that_is_gone_is_removed(run, wine):
    code, _, _ = run("rename", TEST, "tests/test_other.py::test_wine")
    assert code == 0
    assert not wine.parent.exists()
    assert path_of_test("tests/test_other.py::test_wine").exists()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (BEER, TEST, "a baseline of tests/test_models.py::test_wine"),
        (
            BEER,
            BEER + "x",
            f"which has no baseline; expected a test that has one. There are: {TEST}.\n",
        ),
        ("test_models.py", BEER, "the id 'test_models.py'"),
    ],
)
def test_what_cannot_be_renamed_stays(run, wine, old, new, text):
    before = Path(wine).read_bytes()
    code, out, err = run("rename", old, new)
    assert (code, out) == (2, "")
    assert text in err
    assert Path(wine).read_bytes() == before


def test_where_there_are_no_baselines_at_all_that_is_said(run):
    code, out, err = run("rename", TEST, BEER)
    assert (code, out) == (2, "")
    assert f"got {TEST}, which has no baseline; " in err
    assert err.endswith("There are none below this folder.\n")


def test_a_file_that_cannot_be_read_is_none_of_those_that_there_are(run, wine):
    wine.write_text("{")
    code, _, err = run("rename", BEER, BEER + "x")
    assert code == 2
    assert err.endswith("There are none below this folder.\n")
