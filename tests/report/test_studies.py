"""Studies in the terminal summary and the JSON report."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_converge.core.origin import Origin
from pytest_converge.report.json_report import json_report
from pytest_converge.report.studies import (
    study_from,
    study_lines,
    study_section,
    study_summary,
    study_to_dict,
)
from tests.published_schema import validated
from tests.rate_ranges import usual

ORIGIN = Origin(version="1", created="2026-01-31T12:00:00Z")

GOOD = usual(test="test_b.py::test_good")
BAD = usual(test="test_a.py::test_bad", own=1.0, margin=3.0)


def texts(studies, verbosity, *, width=80, expected=()):
    lines = study_summary(
        studies, width=width, verbosity=verbosity, unicode=True, expected=expected
    )
    return ["".join(segment.text for segment in line) for line in lines]


def test_a_study_survives_the_way_to_another_process():
    for study in (GOOD, BAD):
        data = study_to_dict(study)
        assert (data["kind"], data["passed"]) == ("learning-rate", study is GOOD)
        assert repr(study_from(json.loads(json.dumps(data)))) == repr(study)  # NaN is not itself


def test_only_failed_studies_are_shown_a_row_each():
    assert texts([GOOD, BAD], 0) == [
        "test_a.py::test_bad  learning rate 1 is 1.0x below the upper edge 1, not 3x",
        "convergence: 2 studies, 1 failed",
    ]


def test_every_study_has_a_row_in_the_order_of_the_tests():
    bad, good, tally = texts([GOOD, BAD], 1, width=200)
    assert bad == "test_a.py::test_bad  learning rate 1 is 1.0x below the upper edge 1, not 3x"
    assert good.startswith("test_b.py::test_good  ")
    assert tally == "convergence: 2 studies, 1 failed"


def test_tables_of_those_that_passed_are_shown_once_they_are_asked_for():
    assert texts([GOOD, BAD], 2) == [
        "test_a.py::test_bad  learning rate 1 is 1.0x below the upper edge 1, not 3x",
        "test_b.py::test_good",
        *study_lines(GOOD, width=80, unicode=True),
        "",
        "convergence: 2 studies, 1 failed",
    ]


@pytest.mark.parametrize(
    ("studies", "expected", "tally"),
    [
        ([GOOD], (), "convergence: 1 study passed"),
        ([GOOD, GOOD], (), "convergence: 2 studies passed"),
        ([BAD], (), "convergence: 1 study, 1 failed"),
        ([BAD], (BAD.test,), "convergence: 1 study, 1 failed as expected"),
    ],
)
def test_the_tally_alone(studies, expected, tally):
    assert texts(studies, -1, expected=expected) == [tally]


def test_nothing_is_shown_of_nothing_or_when_all_is_quiet():
    assert texts([], 2) == []
    assert texts([GOOD, BAD], -2) == []


def test_a_study_whose_failure_the_test_expected_is_not_shown():
    assert texts([BAD], 0, expected=(BAD.test,)) == ["convergence: 1 study, 1 failed as expected"]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_lines_fit(width):
    assert max(map(len, texts([GOOD, BAD], 1, width=width))) <= width
    assert max(map(len, texts([GOOD, BAD], 0, width=width))) <= width


def test_the_section_is_the_table():
    lines = study_lines(BAD, width=60, unicode=False)
    assert study_section(BAD, width=60, unicode=False) == "\n".join(lines)


def test_the_json_report_lists_studies_by_test_and_number():
    second = dataclasses.replace(BAD, number=2)
    document = validated(json_report([], studies=[GOOD, second, BAD], origin=ORIGIN))
    found = [(study["test"], study["number"], study["passed"]) for study in document["studies"]]
    assert found == [(BAD.test, 1, False), (BAD.test, 2, False), (GOOD.test, 1, True)]
    assert document["studies"][0]["points"][-1]["final_loss"] == "NaN"
    assert "studies" not in validated(json_report([], origin=ORIGIN))
