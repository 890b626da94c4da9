"""The chart of the scales of columns: of data that were checked, and of a training's inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pytest_converge.core import numbers
from pytest_converge.core.data_report import ColumnProfile
from pytest_converge.core.input_scales import HIGHEST_RMS, LOWEST_RMS, ColumnScale
from pytest_converge.report.charts.chart import Chart, Line, Stretch

__all__ = ["scale_chart"]


def scale_chart(
    columns: Mapping[str, ColumnProfile | ColumnScale], marked: Collection[str], width: int
) -> Chart:
    """The size of every column on a logarithmic axis.

    Args:
        columns: by what stands beside them, from the top.
        marked: names of those at fault.
        width: how many columns there are, also those that are not shown.
    """
    labels = {f"▸ {text}" if c.name in marked else text: c for text, c in columns.items()}
    sizes = [
        ("standard deviation", "circle", "--loss", [c.deviation for c in labels.values()]),
        ("|mean|", "line-ns-open", "--bound", [abs(c.mean) for c in labels.values()]),
        ("largest |value|", "triangle-right", "--muted",
         [max(abs(c.low), abs(c.high)) for c in labels.values()]),
    ]  # fmt: skip
    lines = []
    for name, symbol, color, values in sizes:
        points = [(v, label) for v, label in zip(values, labels, strict=True) if v > 0]
        if points:
            x, y = zip(*points, strict=True)
            lines.append(Line(name=name, x=x, y=y, color=color, width=0, symbol=symbol))
    hidden = max(width - len(columns), 0)
    return Chart(
        title="Feature scales",
        x_title="size in the unit of the column",
        lines=lines,
        stretches=[
            Stretch(text="suits a network", color="--pass-tint", low=LOWEST_RMS, high=HIGHEST_RMS)
        ],
        log_x=True,
        nearest=True,
        note=f"and {numbers.counted(hidden, 'more column')}" if hidden else "",
    )
