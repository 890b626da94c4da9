"""The charts of a training."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.core.baseline import Baseline, BaselineReport
from pytest_converge.core.curve import LossSurface
from pytest_converge.core.finding import Finding
from pytest_converge.core.input_scales import ColumnScale, InputScales
from pytest_converge.report.charts.training_charts import pictured_charts, training_charts
from tests.pages import diagnosis, training
from tests.recorded import stored_run


def charts(result, points=80, rows=30):
    found = training_charts(result, points=points, rows=rows)
    return {chart.title: chart for chart in found}


def names(chart):
    return [line.name for line in chart.lines]


@pytest.fixture
def failed():
    return training(last=1.3, diagnosis=diagnosis())


def test_a_training_that_passes_has_its_curves_and_what_was_recorded_with_them():
    found = charts(training())
    assert list(found) == ["Loss", "Gradient norm", "Learning rate", "Feature scales"]
    batches, probe = found["Loss"].lines
    assert 40 < len(batches.x) <= 80
    assert len(probe.x) == 33
    assert batches.x[-1] == 512
    assert [mark.text for mark in found["Loss"].marks] == ["max_loss 0.1", "best constant 1.100"]


def test_a_level_below_the_end_of_the_curve_has_its_text_below_it(failed):
    constant = [mark.below for mark in charts(failed)["Loss"].marks if "constant" in mark.text]
    assert constant == [True]
    assert not any(mark.below for mark in charts(training())["Loss"].marks)


def test_the_verified_repair_is_beside_the_failed_curve(failed):
    assert names(charts(failed)["Loss"]) == [
        "loss of each batch",
        "loss on the probe set",
        "with features standardised",
    ]
    assert charts(failed)["Loss"].lines[-1].y[-1] == pytest.approx(0.02, abs=1e-3)


def test_a_repair_in_another_unit_has_an_axis_of_its_own_and_a_word(failed):
    (repair,) = failed.diagnosis.verified
    other = dataclasses.replace(repair, comparable=False)
    tried = (other, *failed.diagnosis.tried[1:])
    found = dataclasses.replace(failed.diagnosis, verified=(other,), tried=tried)
    loss = charts(dataclasses.replace(failed, diagnosis=found))["Loss"]
    assert [line.unit for line in loss.lines] == [False, False, True]
    assert "another unit" in loss.note


def test_everything_that_was_tried_in_the_same_unit_lies_over_it(failed):
    tried = charts(failed)["What was tried from the same start"]
    assert len(tried.lines) == 1 + 12 - 1
    assert tried.lines[-1].name == "as it is"
    assert tried.lines[0].name == "features standardised: passes"
    assert [line.dash for line in tried.lines].count("dot") == 1
    assert "1 change in another unit" in tried.note
    assert tried.top == pytest.approx(10 * failed.initial_loss)


def test_where_it_failed_is_marked(failed):
    (run,) = failed.runs
    evidence = {"step": 37, "name": "nan", "row": None, "count": None}
    finding = Finding(code="nonfinite-loss", message="nan at step 37", evidence=evidence)
    broken = dataclasses.replace(failed, runs=(dataclasses.replace(run, findings=(finding,)),))
    marks = [mark for mark in charts(broken)["Loss"].marks if mark.axis == "x"]
    assert [(mark.at, mark.text) for mark in marks] == [(37, "nonfinite-loss, step 37")]


def test_other_starts_are_thin_lines_behind():
    lines = charts(training(seeds=3))["Loss"].lines
    assert [line.name for line in lines[:2]] == ["seed 1", "seed 2"]


def test_the_rates_that_pass_are_a_stretch_of_an_axis(failed):
    rates = charts(failed)["Learning rates that pass"]
    assert [(s.low, s.high) for s in rates.stretches] == [(1e-4, 1e-2)]
    assert {mark.text: mark.at for mark in rates.marks} == {
        "yours": 0.1,
        "proposed": 1e-3,
        "stable below": 0.02,
    }


def test_a_surface_has_a_chart_of_its_own():
    surface = LossSurface(x=(0.0, 1.0), losses=((4.0, 1.0),), names=("w",))
    found = dataclasses.replace(training(), surface=surface)
    assert charts(found)["Path over the loss"].x_title == "w"
    pictured = [chart.title for chart in pictured_charts(found, points=80)]
    assert pictured == ["Loss", "Path over the loss"]


def test_the_scales_of_the_inputs_are_on_it_and_the_unsuitable_ones_are_marked():
    result = training()
    (run,) = result.runs
    scales = InputScales(
        columns=(
            ColumnScale(
                name="x['area']", mean=-1900, deviation=560, low=-5000, high=0, unsuitable=True
            ),
            ColumnScale(name="x['rooms']", mean=0.0, deviation=1.0, low=-2.0, high=2.0),
        ),
        width=3,
    )
    record = dataclasses.replace(run.record, input_scales=scales)
    result = dataclasses.replace(result, runs=(dataclasses.replace(run, record=record),))
    chart = charts(result)["Feature scales"]
    assert chart.names == ["▸ x['area']", "x['rooms']"]
    assert {line.name: tuple(line.x) for line in chart.lines} == {
        "standard deviation": (560, 1.0),
        "|mean|": (1900,),
        "largest |value|": (5000, 2.0),
    }
    assert chart.log_x
    assert chart.note == "and 1 more column"
    fewer = charts(result, rows=1)["Feature scales"]
    assert (fewer.names, fewer.note) == (["▸ x['area']"], "and 2 more columns")


def test_a_rate_that_never_changes_has_no_chart():
    result = training()
    (run,) = result.runs
    curve = dataclasses.replace(run.record.curve, learning_rate=(0.1,) * 512, gradient_norm=())
    record = dataclasses.replace(run.record, curve=curve)
    result = dataclasses.replace(result, runs=(dataclasses.replace(run, record=record),))
    assert list(charts(result)) == ["Loss", "Feature scales"]


def test_the_recorded_band_is_behind_the_new_runs():
    band = ((1, 0.5, 1.0, 2.0), (200, 0.1, 0.2, math.inf))
    report = BaselineReport(action="checked", commit="0123456789abcdef", band=band)
    chart = charts(training(baseline=report))["Beside its baseline"]
    assert names(chart) == ["median recorded", "now, seed 0"]
    assert [band.text for band in chart.bands] == ["recorded 0123456789ab"]
    runs = (stored_run(3), stored_run(4))
    obtained = Baseline(test="t", number=1, settings={}, environment={}, runs=runs)
    failed = dataclasses.replace(report, obtained=obtained)
    chart = charts(training(baseline=failed))["Beside its baseline"]
    assert names(chart) == ["median recorded", "now, seed 3", "now, seed 4"]
