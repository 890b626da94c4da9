"""A baseline whose test is gone is found beside a missing one."""

from __future__ import annotations

import pytest

from pytest_converge.baselines.files.orphans import orphan_beside
from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.baselines.files.store import save
from tests.recorded import recorded

NEW = "tests/test_models.py::test_red_wine"


@pytest.fixture
def orphan(tmp_path):
    """Asks for the test that became NEW, whose file has some functions."""

    def orphan(*recorded_tests, source="def test_red_wine(): pass"):
        test_file = tmp_path / "test_models.py"
        test_file.write_text(source)
        for test in recorded_tests:
            beside = tmp_path / test.partition("::")[0].rpartition("/")[2]
            save(baseline_path(tmp_path, beside, test), [recorded(test)])
        return orphan_beside(baseline_path(tmp_path, test_file, NEW), test_file, NEW)

    return orphan


def test_the_test_that_was_there_before(orphan):
    assert orphan("tests/test_models.py::test_wine[a]") == "tests/test_models.py::test_wine[a]"


def test_tests_that_are_still_there_are_none(orphan):
    source = "class TestIt:\n    def test_wine(self): pass\ndef test_beer(): pass"
    tests = ("tests/test_models.py::test_beer", "tests/test_models.py::TestIt::test_wine[a]")
    assert orphan(*tests, source=source) == ""


def test_the_same_test_of_a_file_that_is_gone_comes_first(orphan):
    moved = "tests/test_wines.py::test_red_wine"
    assert orphan("tests/test_models.py::test_wine", moved) == moved


def test_of_several_nobody_knows_which(orphan):
    assert orphan("tests/test_models.py::test_wine", "tests/test_models.py::test_beer") == ""


def test_what_cannot_be_read_is_none(orphan, tmp_path):
    folder = tmp_path / "__converge__" / "test_models"
    folder.mkdir(parents=True)
    (folder / "test_wine--01234567.json").write_text("{")
    assert orphan() == ""
