"""The chart of the loss around the path of a training, or around its end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from pytest_converge.core.curve import LossSurface
from pytest_converge.report.charts.chart import Chart, Field, Line
from pytest_converge.report.charts.loss_axis import loss_axis

__all__ = ["surface_chart"]

LENGTHS = "lengths of the weights"
DIRECTIONS = "Along two random directions whose filters are as long as those of the weights."
NO_COLOR = "Where there is no colour, the loss is not finite."


def surface_chart(surface: LossSurface) -> Chart:
    """A curve of one parameter, or the colours of a plane, with the path on it.

    Args:
        surface: of a training.
    """
    if not surface.y:
        return _line(surface)
    axis = loss_axis(surface.losses, bounds=[loss for _, _, loss in surface.path if loss > 0])
    unit = f" ({LENGTHS})" if surface.slice_of_model else ""
    finite = all(map(math.isfinite, itertools.chain.from_iterable(surface.losses)))
    notes = [DIRECTIONS if surface.slice_of_model else "", "" if finite else NO_COLOR]
    return Chart(
        title="Slice through the weights" if surface.slice_of_model else "Path over the loss",
        x_title=f"{surface.names[0]}{unit}",
        y_title=f"{surface.names[1]}{unit}",
        lines=[*_path([(x, y) for x, y, _ in surface.path], "--path")]
        if surface.path
        else [_point("end of the training", "star", (0.0, 0.0))],
        field=Field(x=surface.x, y=surface.y, losses=surface.losses, axis=axis),
        nearest=True,
        note=" ".join(filter(None, notes)),
    )


def _line(surface: LossSurface) -> Chart:
    around = Line(name="loss", x=surface.x, y=surface.losses[0], color="--muted")
    return Chart(
        title="Path over the loss",
        x_title=surface.names[0],
        lines=[around, *_path([(x, loss) for x, _, loss in surface.path], "--loss")],
        nearest=True,
    )


def _path(points: Sequence[tuple[float, float]], color: str) -> Iterator[Line]:
    if not points:
        return
    x, y = zip(*points, strict=True)
    yield Line(name="path", x=x, y=y, color=color, width=1, symbol="circle", listed=False)
    yield _point("start", "square", points[0])
    yield _point("end", "star", points[-1])


def _point(name: str, symbol: str, at: tuple[float, float]) -> Line:
    color = "--bound" if symbol == "square" else "--failed"
    return Line(name=name, x=at[:1], y=at[1:], color=color, width=0, symbol=symbol)
