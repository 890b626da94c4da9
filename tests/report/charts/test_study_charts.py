"""The charts of studies."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.core.data_report import DataFinding
from pytest_converge.core.input_scales import HIGHEST_RMS, LOWEST_RMS
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.report.charts.study_charts import (
    MOST_COLUMNS,
    small_points,
    study_charts,
)
from tests.comparisons import compared
from tests.pages import data_report
from tests.rate_ranges import usual


def titles(study):
    return [chart.title for chart in study_charts(study)]


def test_a_range_shows_what_passes_and_the_margin_that_was_demanded():
    (chart,) = study_charts(usual(margin=30.0))
    assert [line.name for line in chart.lines] == ["loss", "passes", "fails", "broken off"]
    assert [(s.text, s.low, s.high) for s in chart.stretches] == [
        ("passing", 0.01, 1.0),
        ("the 30x that were demanded", pytest.approx(0.1 / 30), pytest.approx(3.0)),
    ]
    assert [mark.text for mark in chart.marks] == [
        "yours 0.1",
        "stable below 2.5",
        "diverges from 3",
        "max_loss 0.5",
        "initial loss",
    ]
    assert chart.log_x
    assert chart.top == 10.0


def test_a_range_without_a_margin_has_none():
    (chart,) = study_charts(usual())
    assert [s.text for s in chart.stretches] == ["passing"]


def test_pipelines_are_compared_and_their_columns_too():
    curves, columns = study_charts(compared([4, 5, 6], culprits=("x[:, 1]",)))
    assert [line.name for line in curves.lines] == ["z-scored raw", "raw", "ours"]
    assert [line.name for line in columns.lines] == ["at fault", "of no harm", "the reference"]
    assert list(columns.lines[0].y) == ["x[:, 1]"]
    assert titles(compared([1, 1, 1], exchanges=())) == ["The same training on each pipeline"]


def test_columns_with_findings_come_first_in_the_scales():
    (chart,) = study_charts(data_report())
    deviations = chart.lines[0]
    assert list(deviations.y) == ["▸ area", "rooms (ordinal)"]  # 0 has no place on the axis
    assert (chart.stretches[0].low, chart.stretches[0].high) == (LOWEST_RMS, HIGHEST_RMS)


def test_very_wide_data_are_counted():
    report = data_report()
    columns = tuple(
        dataclasses.replace(report.columns[0], name=f"c{i}") for i in range(MOST_COLUMNS + 2)
    )
    (chart,) = study_charts(dataclasses.replace(report, columns=columns, width=100))
    assert len(chart.lines[0].x) == MOST_COLUMNS
    assert chart.note == "and 60 more columns"


def test_a_study_that_its_table_says_has_no_chart():
    finding = DataFinding(code="second-fit", message="differs")
    report = PipelineReport(test="t", pipeline="f", rows=(1, 2), findings=(finding,))
    assert titles(report) == []
    assert small_points(report) == ()


def test_small_curves_of_studies_are_finite_where_they_can_be():
    rates = small_points(usual())
    assert rates[0] == (pytest.approx(math.log(1e-5)), 0.99)
    assert max(loss for _, loss in rates[:-1]) == 10.0  # 40 is off the scale
    assert small_points(compared([4, 5, 6])) == ((0, 1.2), (50, pytest.approx(1.05)), (100, 0.9))
