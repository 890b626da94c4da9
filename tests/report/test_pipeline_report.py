"""The table of `preprocessing.fit_once`."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.core.data_report import DataFinding
from pytest_converge.core.pipeline_report import Difference, PipelineReport, PipelineTrial
from pytest_converge.report.layout import cell_width
from pytest_converge.report.pipeline_report import pipeline_report_lines

DIFFERS = Difference(columns=("x0", "x1", "x2", "x3"), largest=0.25, rows=89, compared=89)
REPORT = PipelineReport(
    test="t",
    pipeline="StandardScaler",
    rows=(89, 40),
    features=("x0", "x1", "x2", "x3"),
    trials=(
        PipelineTrial(code="second-fit", what="statistics", difference=DIFFERS),
        PipelineTrial(code="order-dependent", what="another order", difference=Difference()),
        PipelineTrial(code="target-leak", what="own target", why_not="no targets were given"),
        PipelineTrial(
            code="reload-differs", what="saved", difference=Difference(problem="TypeError: no é")
        ),
    ),
    findings=(DataFinding(code="second-fit", message="by up to 0.25", columns=("x0", "x1")),),
    seconds=0.2,
)

AT_100 = """\
preprocessing.fit_once: StandardScaler: 1 finding: second-fit in x0, x1
second-fit
  by up to 0.25
tried          outcome    largest      rows  columns
statistics     failed      0.2500  89 of 89  x0, x1, x2 and 1 more
another order  passed
own target     not tried                     no targets were given
saved          failed                        TypeError: no é
89 training rows, 40 other rows, 4 features, 0.2 s"""


def test_the_table_at_100_columns():
    assert "\n".join(pipeline_report_lines(REPORT, 100, True)) == AT_100


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width, unicode):
    lines = pipeline_report_lines(REPORT, width, unicode)
    assert max(map(cell_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_a_report_without_findings_says_so():
    lines = pipeline_report_lines(dataclasses.replace(REPORT, findings=()), 80, True)
    assert lines[0] == "preprocessing.fit_once: StandardScaler: nothing found"
