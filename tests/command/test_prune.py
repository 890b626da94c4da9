"""`converge prune`: what is stale, what is not judged, and what is deleted."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import pytest

from pytest_converge.command import prune as prune_module
from tests.recorded import TEST, recorded

ROOT = Path(__file__).parent.parent.parent
BEER = "tests/test_models.py::test_beer"
TOKEN = ".0123456789abcdef.tmp"  # noqa: S105 - the end of a temporary name


@pytest.fixture(autouse=True)
def _subprocess(monkeypatch):
    """The inner pytest finds the package, installed or not, and no options from outside."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def listed(monkeypatch):
    """Says which tests there are, in place of running pytest."""

    def listed(*tests):
        asked = []

        def collected(paths):
            asked.extend(paths)
            return frozenset(tests)

        monkeypatch.setattr(prune_module, "_collected_by_pytest", collected)
        return asked

    return listed


class TestWithPytest:
    def test_a_test_that_is_gone_is_stale(self, run, wine, save):
        beer = save(recorded(BEER))
        code, out, err = run("prune")
        assert (code, err) == (1, "")
        assert out == (
            f"{beer}: {BEER} is collected no longer\n"
            "1 stale file; --delete removes what is listed\n"
        )
        assert beer.exists()

    def test_deselected_tests_count_whatever_the_configuration_shows(self, run, wine, tmp_path):
        configuration = "[pytest]\naddopts = -qq -k nothing\n"
        (tmp_path / "pytest.ini").write_text(configuration)
        assert run("prune") == (0, "nothing is stale among 1 baseline\n", "")

    def test_tests_that_cannot_be_collected_are_a_mistake(self, run, wine, save):
        save(recorded(BEER))
        Path("tests/test_models.py").write_text("import nothing_of_this_name\n")
        code, out, err = run("prune", "--delete")
        assert (code, out) == (2, "")
        assert "exit code 2 of pytest --collect-only (" in err
        assert wine.exists()

    def test_a_file_that_skips_itself_is_not_judged(self, run, wine):
        Path("tests/test_models.py").write_text("import pytest\npytest.importorskip('nothing_')\n")
        code, out, _ = run("prune", "--delete")
        assert (code, out.splitlines()) == (
            0,
            [
                "not judged: tests/test_models.py, from which no test was collected",
                "nothing is stale among 1 baseline",
            ],
        )
        assert wine.exists()


class TestWithAList:
    def test_the_tests_may_be_given(self, run, wine, save):
        beer = save(recorded(BEER))
        Path("tests.txt").write_text(f"{TEST}\n\n1 test collected in 0.01s\n")
        code, out, _ = run("prune", "--collected", "tests.txt")
        assert code == 1
        assert out.startswith(f"{beer}: ")

    def test_they_may_come_from_the_standard_input(self, run, wine, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{BEER}\n"))
        assert run("prune", "--collected", "-")[0] == 1

    def test_a_list_that_cannot_be_read_is_a_mistake(self, run, wine):
        code, _, err = run("prune", "--collected", "nowhere.txt")
        assert code == 2
        assert "--collected=nowhere.txt" in err


class TestStale:
    def test_a_test_file_that_is_gone(self, run, wine, listed):
        asked = listed()
        Path("tests/test_models.py").unlink()
        code, out, _ = run("prune")
        assert (code, asked) == (1, [])
        assert out.startswith(f"{wine}: test_models.py is gone\n")

    def test_a_file_that_was_moved(self, run, wine, listed):
        listed(TEST)
        moved = wine.rename(wine.with_name("test_wine--00000000.json"))
        assert run("prune")[1].startswith(f"{moved}: not where {TEST} looks for it\n")

    def test_a_file_in_the_folder_of_another_module(self, run, wine, listed):
        listed(TEST)
        folder = wine.parent.rename(wine.parent.with_name("test_other"))
        assert f"{folder / wine.name}: not where " in run("prune")[1]

    def test_a_leftover_that_nobody_is_writing_any_more(self, run, wine, listed):
        listed(TEST)
        left = wine.with_name(wine.name + TOKEN)
        left.write_text("half")
        assert run("prune")[0] == 0
        old = time.time() - 3600
        os.utime(left, (old, old))
        code, out, _ = run("prune")
        assert code == 1
        assert out.startswith(f"{left}: left by a killed writer\n")
        assert run("prune", "--delete")[0] == 0
        assert not left.exists()

    def test_a_copy_elsewhere_is_read_by_no_test(self, run, wine, listed):
        listed(TEST)
        copy = Path("copy.json")
        copy.write_bytes(wine.read_bytes())
        assert run("prune", copy)[1].startswith(f"copy.json: not where {TEST} looks for it\n")

    def test_only_the_given_paths_are_looked_at(self, run, wine, save, listed):
        listed(TEST)
        save(recorded("other/test_gone.py::test_gone"))
        assert run("prune", "tests")[0] == 0
        assert run("prune", "other")[0] == 1

    def test_only_the_test_files_concerned_are_collected(self, run, wine, listed, tmp_path):
        asked = listed(TEST)
        (tmp_path / "tests" / "test_other.py").write_text("")
        assert run("prune")[0] == 0
        assert asked == [tmp_path / "tests" / "test_models.py"]


class TestDeleting:
    def test_what_is_listed_is_deleted_and_nothing_else(self, run, wine, save, listed):
        listed(TEST)
        beer = save(recorded(BEER))
        code, out, _ = run("prune", "--delete")
        assert (code, out.splitlines()[-1]) == (0, "deleted 1 of 1 stale file")
        assert not beer.exists()
        assert wine.exists()
        assert run("prune") == (0, "nothing is stale among 1 baseline\n", "")

    def test_folders_that_are_empty_then_go_too(self, run, wine, listed, tmp_path):
        listed()
        Path("tests/test_models.py").unlink()
        assert run("prune", "--delete")[0] == 0
        assert list(tmp_path.rglob("*")) == [tmp_path / "tests"]

    def test_folders_that_are_not_stay(self, run, wine, listed):
        listed()
        Path("tests/test_models.py").unlink()
        note = wine.with_name("README.md")
        note.write_text("")
        assert run("prune", "--delete")[0] == 0
        assert note.exists()

    def test_a_file_that_cannot_be_read_stays(self, run, wine, listed):
        listed()
        wine.write_text("{}")
        code, out, err = run("prune", "--delete")
        assert (code, out) == (2, "nothing is stale among 0 baselines\n")
        assert err.startswith(f"converge: got {wine} ")
        assert wine.exists()

    def test_a_file_that_cannot_be_read_does_not_hide_stale_ones(self, run, wine, save, listed):
        listed(TEST)
        beer = save(recorded(BEER))
        wine.write_text("{}")
        save(recorded("tests/test_gone.py::test_gone"))
        code, out, _ = run("prune")
        assert code == 2
        assert "test_gone.py is gone" in out
        assert str(beer) in out

    def test_a_file_that_cannot_be_deleted_is_said(self, run, wine, listed, monkeypatch):
        def refuse(_path):
            raise PermissionError(13, "Permission denied")

        listed()
        Path("tests/test_models.py").unlink()
        monkeypatch.setattr(Path, "unlink", refuse)
        code, out, err = run("prune", "--delete")
        assert (code, out.splitlines()[-1]) == (2, "deleted 0 of 1 stale file")
        assert err == f"converge: {wine} stays: Permission denied\n"
