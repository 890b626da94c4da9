"""`converge trend`, on reports of the plugin's own."""

from __future__ import annotations

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.origin import Origin
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run
from pytest_converge.report.json_report import json_report


def result(test, loss, *findings):
    curve = LossCurve(steps=(1,), batch_loss=(1.0,), initial_loss=1.0, final_loss=loss)
    run = Run(record=TrainingRecord(seed=1, curve=curve), findings=findings)
    return ConvergenceResult(test=test, verb="fit", expectation=Expectation(), runs=(run,))


@pytest.fixture
def reports(tmp_path):
    """Three, of which the last two were saved in the wrong order."""
    missed = Finding(code="target-missed", message="m")
    made = {
        "a.json": (1, [result("a.py::test_a", 0.1), result("a.py::test_b", 0.2)]),
        "b.json": (3, [result("a.py::test_a", 0.8, missed), result("a.py::test_b", 0.2)]),
        "c.json": (2, [result("a.py::test_a", 0.1), result("a.py::test_b", 0.2)]),
    }
    for name, (day, results) in made.items():
        origin = Origin(version="1", created=f"2026-01-0{day}T12:00:00Z", commit=str(day) * 40)
        (tmp_path / name).write_text(json_report(results, origin=origin))
    return sorted(made)


def test_reports_come_by_their_dates(run, reports):
    code, out, err = run("trend", *reports)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "3 reports, 2026-01-01 1111111111 -> 2026-01-03 3333333333",
        "test          losses   first    last  outcome",
        "a.py::test_a  ▁▁█     0.1000  0.8000  2 passed, 1 target-missed",
        "a.py::test_b  ▅▅▅     0.2000  0.2000  passed",
    ]


def test_each_training_can_have_a_row_for_each_report(run, reports):
    code, out, _ = run("trend", "--each", "--test", "test_a", *reports)
    assert code == 0
    assert out.splitlines() == [
        "a.py::test_a",
        "  date        commit       final  outcome        report",
        "  2026-01-01  1111111111  0.1000  passed         a.json",
        "  2026-01-02  2222222222  0.1000  passed         c.json",
        "  2026-01-03  3333333333  0.8000  target-missed  b.json",
    ]


def test_what_cannot_be_read_is_said_and_the_others_are_shown(run, reports, tmp_path):
    (tmp_path / "d.json").write_text("{}")
    code, out, err = run("trend", *reports, "d.json")
    assert code == 2
    assert err.startswith(
        "converge: got d.json, which has no schema_version of one; expected a JSON"
    )
    assert out.startswith("3 reports")


def test_no_training_is_said(run, reports):
    assert run("trend", "--test", "unheard", *reports)[:2] == (0, "no trainings\n")
    assert run("trend")[0] == 2
