"""Trainings over several reports, at several widths."""

from __future__ import annotations

import math

import pytest

from pytest_converge.core.trend import ReportedTraining, ReportedTrend, ReportName
from pytest_converge.report.layout import cell_width
from pytest_converge.report.trend import overview_lines, trend_lines

REPORTS = [
    ReportName(name=f"run{i}.json", created=f"2026-01-0{i}T12:00:00Z", commit=f"{i}" * 40)
    for i in (1, 2, 3)
]


def training(loss, outcome="passed"):
    return ReportedTraining(final_loss=loss, passed=outcome == "passed", outcome=outcome)


def trend(*trainings, test="tests/test_a.py::test_wine", number=1):
    return ReportedTrend(test=test, number=number, trainings=trainings)


WORSE = trend(training(0.03), None, training(1.086, "unscaled-features"))
SAME = trend(*[training(0.01)] * 3, number=2)
BROKEN = trend(*[training(math.nan, "nonfinite-loss")] * 3, test="tests/test_b.py::test_数字")


def texts(lines):
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def test_a_training_is_a_row():
    lines = overview_lines([BROKEN, WORSE, SAME], REPORTS, width=120, unicode=True)
    course = "1 passed, 1 absent, 1 unscaled-features"
    assert texts(lines) == [
        "3 reports, 2026-01-01 1111111111 -> 2026-01-03 3333333333",
        "test                           losses    first     last  outcome",
        "tests/test_b.py::test_数字     ×××         nan      nan  nonfinite-loss",
        f"tests/test_a.py::test_wine     ▁█      0.03000    1.086  {course}",
        "tests/test_a.py::test_wine #2  ▅▅▅     0.01000  0.01000  passed",
    ]


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width, unicode):
    trends = [BROKEN, WORSE, SAME]
    lines = texts(overview_lines(trends, REPORTS, width=width, unicode=unicode))
    for each in trends:
        lines += texts(trend_lines(each, REPORTS, width=width, unicode=unicode))
    assert max(map(cell_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_each_report_that_has_it_is_a_row_below():
    assert texts(trend_lines(WORSE, REPORTS, width=80, unicode=True)) == [
        "tests/test_a.py::test_wine",
        "  date        commit        final  outcome            report",
        "  2026-01-01  1111111111  0.03000  passed             run1.json",
        "  2026-01-03  3333333333    1.086  unscaled-features  run3.json",
    ]


def test_a_failing_one_is_red():
    lines = overview_lines([WORSE, SAME], REPORTS, width=100, unicode=True)
    assert [line[-1].markup for line in lines[2:]] == [("red", "bold"), ("green",)]


def test_reports_that_do_not_tell_when_they_were_made():
    reports = [ReportName(name="a.json"), ReportName(name="b.json")]
    two = trend(training(0.1), training(0.2))
    assert texts(overview_lines([two], reports, width=80, unicode=True))[0] == "2 reports"
    assert texts(trend_lines(two, reports, width=80, unicode=True))[2].split() == [
        "0.1000",
        "passed",
        "a.json",
    ]
