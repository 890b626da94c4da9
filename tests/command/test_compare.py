"""`converge compare`."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.baselines.files.store import keep_obtained
from tests.recorded import recorded, stored_run

BEER = "tests/test_models.py::test_beer"


def test_two_folders_are_compared_test_by_test(run, save):
    for folder, level in (("old", 0.0), ("new", math.log(1.1))):
        save(recorded(level=level), folder=folder)
        save(recorded(BEER, level=-level), recorded(BEER, number=2), folder=folder)
    code, out, err = run("compare", "old", "new")
    assert (code, err) == (0, "")
    beer, second, wine = out.split("\n\n")
    assert beer.startswith(f"{BEER}\n")
    assert second.startswith(f"{BEER} #2\n")
    # All 20 runs above, or below, all 20 others: 1 / binomial(40, 20), and certainty.
    assert ", 10 % worse, p 7.3e-12\n" in wine
    assert ", 9.1 % better, p 1\n" in beer
    assert "the same numbers" in second


def test_two_files_are_compared_whatever_their_tests_are_called(run, save):
    old = save(recorded())
    new = save(recorded(BEER, level=0.2))
    code, out, err = run("compare", old, new)
    assert (code, err) == (0, "")
    assert f"  against      {BEER} #1\n" in out
    assert ", 22 % worse" in out


def test_other_settings_are_shown_and_change_the_exit_code(run, save):
    settings = {"batch_size": 32, "shuffle": True, "steps": 300}
    old, new = save(recorded()), save(recorded(BEER, settings=settings))
    code, out, _ = run("compare", old, new)
    assert code == 1
    assert "  settings     metric None -> none, steps 200 -> 300\n" in out


DATA = {"digest": "a", "rows": 178, "seen": "an epoch", "x_mean": 0.5, "x_deviation": 1.0}


def test_other_data_are_named_and_no_other_task(run, save):
    other = {**DATA, "digest": "b", "rows": 150}
    old, new = save(recorded(data=DATA)), save(recorded(BEER, data=other))
    code, out, _ = run("compare", "--changed", old, new)
    assert code == 0
    assert "  data         rows 178 -> 150\n" in out
    rounded = save(recorded("t.py::test_a", data={**DATA, "digest": "c", "x_mean": 0.5000001}))
    assert "  data         the same\n" in run("compare", old, rounded)[1]


def test_data_that_one_file_does_not_tell_are_said_to_be_unknown(run, save):
    old, new = save(recorded()), save(recorded(BEER, data=DATA))
    assert "  data         not told by both\n" in run("compare", old, new)[1]
    assert "  data         not told by both\n" in run("compare", new, old)[1]
    assert "  data  " not in run("compare", old, old)[1]


def test_the_accepted_reason_is_shown(run, save):
    old = save(recorded())
    new = save(recorded(BEER, level=0.3, reason="a smaller net for phones"))
    assert "  accepted     a smaller net for phones\n" in run("compare", old, new)[1]


def test_runs_of_a_failed_comparison_are_compared(run, save, tmp_path):
    path = tmp_path / "out" / "test_wine.obtained"
    keep_obtained(path, recorded(level=0.3, runs=recorded(level=0.3).runs[:4]))
    code, out, err = run("compare", save(recorded()), path)
    assert (code, err) == (0, "")
    assert "34 % worse, p 9.4e-5\n" in out


def test_another_environment_does_not(run, save):
    old, new = save(recorded()), save(recorded(BEER, environment={"keras": "3.16.0"}))
    code, out, _ = run("compare", old, new)
    assert code == 0
    assert "keras 3.15.0 -> 3.16.0" in out


@pytest.mark.parametrize(("order", "side"), [(["old", "new"], "A"), (["new", "old"], "B")])
def test_a_training_in_one_of_them_is_said(run, save, order, side):
    save(recorded(), recorded(number=2), folder="old")
    save(recorded(), folder="new")
    code, out, _ = run("compare", *order)
    assert code == 1
    assert out.endswith(f"\nonly in {side}: tests/test_models.py::test_wine #2\n")


def test_a_metric_cannot_be_compared_with_losses(run, save):
    runs = tuple(stored_run(seed, scores=(-0.9,)) for seed in range(7, 27))
    old, new = save(recorded()), save(recorded(BEER, runs=runs))
    code, out, _ = run("compare", old, new)
    assert code == 1
    assert out == "tests/test_models.py::test_wine #1: a metric on one side, losses on the other\n"


def test_runs_that_diverged_are_compared_by_rank(run, save):
    runs = tuple(
        dataclasses.replace(item, scores=(math.inf, math.inf), losses=(math.nan,) * len(item.steps))
        for item in recorded().runs
    )
    old, new = save(recorded()), save(recorded(BEER, runs=runs))
    code, out, _ = run("compare", old, new)
    assert code == 0
    assert "-> inf, worse, p 7.3e-12" in out
    assert run("compare", new, new)[0] == 0


def test_a_file_and_a_folder_are_a_mistake(run, wine):
    code, out, err = run("compare", wine, "tests")
    assert (code, out) == (2, "")
    assert "a file and a folder; expected two files or two folders" in err


def test_a_file_that_cannot_be_read_is_a_mistake(run, wine, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    code, _, err = run("compare", wine, broken)
    assert code == 2
    assert err.startswith("converge: got broken.json ")


def test_what_is_the_same_may_be_left_out(run, save):
    for folder, level in (("old", 0.0), ("new", 0.1)):
        save(recorded(environment={"keras": folder}), folder=folder)
        save(recorded(BEER, level=level), folder=folder)
    code, out, _ = run("compare", "--changed", "old", "new")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("tests/")] == [BEER]
    assert run("compare", "--changed", "old", "old") == (0, "no differences\n", "")
    save(recorded("tests/test_models.py::test_new"), folder="new")
    assert (
        "only in B: tests/test_models.py::test_new #1"
        in run("compare", "--changed", "old", "new")[1]
    )


def test_two_empty_folders_are_said(run, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    assert run("compare", "a", "b") == (0, "no baselines\n", "")
