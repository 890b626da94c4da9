"""JSON reports, read for their trainings; what is none is refused by what is wrong with it."""

from __future__ import annotations

import json
import math

import pytest

from pytest_converge.command.json_reports import read_report, trends_of
from pytest_converge.core.errors import InvalidTrainingError


def document(*trainings, **changes):
    return {
        "schema_version": 1,
        "version": "1",
        "created": "2026-01-31T12:00:00Z",
        "commit": "abc",
        "trainings": list(trainings),
        **changes,
    }


def training(test="a.py::test_it", loss=0.1, verdict="passed", **more):
    return {"test": test, "number": 1, "final_loss": loss, "verdict": verdict, **more}


@pytest.fixture
def save(tmp_path):
    def save(content, name="a.json"):
        path = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    return save


def test_it_has_its_trainings_and_says_where_it_is_from(save):
    path = save(document(training(outcome="passed"), training("b", "NaN", "failed", outcome="x")))
    report = read_report(path)
    assert (report.name.name, report.name.commit) == (str(path), "abc")
    assert report.name.created == "2026-01-31T12:00:00Z"
    assert report.trainings["a.py::test_it", 1].final_loss == 0.1
    broken = report.trainings["b", 1]
    assert math.isnan(broken.final_loss)
    assert (broken.passed, broken.outcome) == (False, "x")


def test_the_first_reports_had_neither_outcome_nor_date(save):
    old = document(
        training(), training("b", 1, "failed", cause="plateau"), training("c", 1, "failed")
    )
    del old["created"], old["commit"]
    report = read_report(save(old))
    assert [each.outcome for each in report.trainings.values()] == ["passed", "plateau", "failed"]
    assert report.name.created == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "which is no JSON"),
        ("[1]", "which has no schema_version of one"),
        ({"trainings": []}, "which has no schema_version of one"),
        (document(schema_version=2), "of schema_version 2; expected at most 1"),
        (document({"test": "a"}), "in which 'number' is missing or wrong"),
        (document(training(loss="low")), "in which .*'low' is missing or wrong"),
        (document(trainings=3), "is missing or wrong"),
    ],
)
def test_what_is_no_report_is_refused(save, content, message):
    with pytest.raises(InvalidTrainingError, match=message):
        read_report(save(content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidTrainingError, match="cannot be read"):
        read_report(tmp_path / "a.json")


def test_trainings_that_fail_last_come_first(save):
    first = read_report(save(document(training("b"), training("a", verdict="failed")), "1.json"))
    second = read_report(save(document(training("a"), training("c", verdict="failed")), "2.json"))
    trends = trends_of([first, second])
    assert [trend.test for trend in trends] == ["c", "a", "b"]
    assert [each is None for each in trends[0].trainings] == [True, False]
