"""The chart of the scales of columns."""

from __future__ import annotations

from pytest_converge.core.input_scales import ColumnScale
from pytest_converge.report.charts.scale_chart import scale_chart


def column(name, size):
    return ColumnScale(name=name, mean=0.0, deviation=size, low=-size, high=2 * size)


def test_those_at_fault_are_marked_and_those_left_out_are_counted():
    chart = scale_chart({"a (ordinal)": column("a", 500.0), "b": column("b", 1.0)}, {"a"}, 5)
    assert chart.names == ["▸ a (ordinal)", "b"]
    assert [line.name for line in chart.lines] == ["standard deviation", "largest |value|"]
    assert chart.note == "and 3 more columns"
