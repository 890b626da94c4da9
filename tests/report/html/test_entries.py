"""The rows of the overview."""

from __future__ import annotations

import dataclasses

from pytest_converge.report.html.entries import entries
from tests.pages import diagnosis, studies, training


def test_what_failed_comes_first_and_the_rest_by_test():
    good, bad = training(0, test="a"), training(1, last=1.3, test="z", diagnosis=diagnosis())
    rows = entries([good, bad], studies())
    assert [(row.test, row.outcome, row.kind) for row in rows] == [
        ("tests/test_data.py::test_area", "failed", "data"),
        ("tests/test_pipelines.py::test_scaled", "failed", "preprocessing-comparison"),
        ("tests/test_rates.py::test_rate", "failed", "learning-rate"),
        ("z", "failed", "minimize"),
        ("a", "passed", "fit"),
    ]
    assert [row.key for row in rows] == ["r1", "r2", "r3", "r4", "r5"]
    assert rows == entries([bad, good], studies()[::-1])


def test_a_row_has_the_numbers_of_its_training():
    (row,) = entries([training(last=1.3, diagnosis=diagnosis())], [])
    assert (row.verdict, row.initial_text, row.final_text) == (
        "unscaled-features",
        "2.300",
        "1.300",
    )
    assert (row.steps, row.seconds_text) == (512, "0.5 s")
    assert row.curve.startswith("<svg")


def test_a_row_of_a_study_has_its_sentence():
    row = entries([], studies()[:1])[0]
    assert row.said == "learning rate 0.1 is 10x below the upper edge 1, not 30x"
    assert (row.initial_text, row.final_text, row.steps) == ("", "", None)


def test_a_failure_that_a_test_asked_for_or_went_on_after_is_none():
    bad = training(last=1.3)
    (asked,) = entries([bad], [], expected={bad.test})
    (caught,) = entries([bad], [], caught={bad.test})
    assert (asked.outcome, caught.outcome) == ("expected", "caught")
    other = training(test="z", last=1.3)
    rows = entries([bad, other], [], expected={bad.test})
    assert [row.outcome for row in rows] == ["failed", "expected"]


def test_trainings_of_one_test_are_numbered():
    first = training(test="a")
    rows = entries([first, dataclasses.replace(first, number=2)], [])
    assert [row.number for row in rows] == [" #1", " #2"]
    assert [row.number for row in entries([first], [])] == [""]
