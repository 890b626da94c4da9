"""Loading and saving the baselines of a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_converge.baselines.files.document import dumps
from pytest_converge.baselines.files.errors import BaselineFileError, MissingBaselineError
from pytest_converge.baselines.files.store import keep_obtained, load, read, save
from tests.recorded import TEST, recorded

ROOT = Path(__file__).parents[3]
both_ways = pytest.mark.usefixtures("_both_ways")


def names(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


@both_ways
class TestRoundTrip:
    def test_what_was_saved_is_loaded(self, path):
        trainings = (recorded(), recorded(number=2, level=1.0))
        save(path, trainings[::-1])
        loaded = load(path, TEST)
        assert dumps(loaded) == dumps(trainings)
        assert read(path) == loaded
        save(path, loaded)
        assert load(path, TEST) == loaded

    def test_the_file_is_all_that_is_left(self, saved, tmp_path):
        assert saved.read_bytes() == dumps([recorded()]).encode()
        module = "__converge__/test_models"
        assert names(tmp_path) == ["__converge__", module, f"{module}/{saved.name}"]

    def test_nothing_is_made_before_the_first_save(self, path, tmp_path):
        with pytest.raises(MissingBaselineError):
            load(path, TEST)
        assert names(tmp_path) == []

    def test_another_root_keeps_them_away_from_the_tests(self, path_below, tmp_path):
        (tmp_path / "kept").mkdir()
        path = path_below(tmp_path / "kept")
        save(path, [recorded()])
        assert load(path, TEST)[0].test == TEST
        assert [name.partition("/")[0] for name in names(tmp_path)] == ["kept"] * 4

    def test_the_file_of_another_test_is_refused(self, saved):
        with pytest.raises(BaselineFileError, match=f"of the test {TEST}"):
            load(saved, "tests/test_models.py::test_beer")

    def test_a_missing_file_says_how_to_record_it(self, path, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(MissingBaselineError) as caught:
            load(path, "tests/test_models.py::test_wine[a b]")
        shown = path.relative_to(tmp_path)
        assert str(caught.value) == (
            f"got {shown} that does not exist; expected a recorded baseline. Record it, review it "
            "and commit it: pytest 'tests/test_models.py::test_wine[a b]' --converge-baseline=new"
        )

    def test_a_file_may_be_missing_from_its_folder(self, saved):
        saved.unlink()
        with pytest.raises(MissingBaselineError):
            load(saved, TEST)

    def test_what_would_be_refused_is_not_written(self, saved):
        before = saved.read_bytes()
        with pytest.raises(BaselineFileError, match="with 19 runs"):
            save(saved, [recorded(runs=recorded().runs[:19])])
        assert saved.read_bytes() == before


def test_obtained_runs_are_read_though_they_are_few(tmp_path):
    training = recorded(runs=recorded().runs[:4])
    path = tmp_path / "out" / "test_models" / "test_wine--0a1b2c3d.obtained"
    keep_obtained(path, training)
    assert dumps(read(path)) == dumps([training])
    other = path.rename(path.with_suffix(".json"))
    with pytest.raises(BaselineFileError, match="with 4 runs"):
        read(other)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_writers_killed_at_any_moment_leave_a_whole_file():
    # A process of its own: this one may have loaded TensorFlow, which must not be forked.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.store", "--kills", "40"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.findall(r"^ *(\d+)  (?:one|two|none)$", done.stdout, re.MULTILINE)
    assert sum(map(int, counts)) == 40
