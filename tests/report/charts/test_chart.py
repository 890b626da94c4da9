"""Charts in plain values."""

from __future__ import annotations

from pytest_converge.report.charts.chart import Band, Chart, Line, Mark, numbers_of


def line(*y, **changes):
    return Line(name="loss", x=range(len(y)), y=y, color="--loss", **changes)


def test_the_axis_reaches_to_lines_bounds_and_bands():
    band = Band(text="recorded", color="--band", x=(1, 2), low=(0.01, 0.02), high=(2.0, 300.0))
    bound = Mark(axis="y", at=1e-3, text="max_loss", color="--bound")
    step = Mark(axis="x", at=1e9, text="step", color="--failed")
    axis = Chart(title="a", lines=[line(1.0, 0.5)], bands=[band], marks=[bound, step]).loss_axis
    assert axis.log
    assert axis.low < 1e-3
    assert 300 < axis.high < 1e4


def test_another_unit_has_an_axis_of_its_own():
    chart = Chart(title="a", lines=[line(1.0, 0.5), line(300.0, 250.0, unit=True)])
    assert chart.loss_axis.high < 2
    assert chart.unit_axis.low > 200
    assert Chart(title="a", lines=[line(1.0)]).unit_axis is None


def test_names_make_an_axis_of_names_and_of_no_losses():
    chart = Chart(title="a", lines=[line("b", "a"), line("a", "c")])
    assert chart.names == ["b", "a", "c"]
    assert numbers_of(chart.lines[0]) == []
