"""Charts in plain values: what pictures and the page draw, each with a library of its own.

A colour is the name of a custom property of the page's style sheet, so that it follows the theme; a
picture has one for each name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import cast

from pytest_converge.report.charts.loss_axis import LossAxis, loss_axis

__all__ = [
    "USUAL_WIDTH",
    "Band",
    "Chart",
    "Field",
    "Line",
    "Mark",
    "Stretch",
    "numbers_of",
]

#: Of a line, in pixels.
USUAL_WIDTH = 1.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series.

    Attributes:
        name: as it stands in the legend and in the hover text.
        x, y: of its points; a `y` that is not finite leaves a gap, names make an axis of names.
        color: a custom property.
        width: of the line in pixels; 0 for points alone.
        dash: "solid", "dash" or "dot".
        symbol: of the points; empty for a line alone.
        listed: it has a place in the legend.
        unit: it has a vertical axis of its own, since its losses are in another unit.
        texts: what the hover text adds at each point.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float] | Sequence[str]
    color: str
    width: float = USUAL_WIDTH
    dash: str = "solid"
    symbol: str = ""
    listed: bool = True
    unit: bool = False
    texts: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A straight line across a chart, at a value of one axis.

    Attributes:
        axis: "x" or "y".
        at: the value.
        text: beside it.
        color: a custom property.
        dash: "solid", "dash" or "dot".
        below: the text of a level stands below it, as a curve runs above.
    """

    axis: str
    at: float
    text: str
    color: str
    dash: str = "dash"
    below: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What lies between two curves.

    Attributes:
        text: what it is.
        color: a custom property.
        x: of the points of both.
        low, high: the lower and the upper curve.
    """

    text: str
    color: str
    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the horizontal axis.

    Attributes:
        text: what it is.
        color: a custom property.
        low, high: its ends.
        outlined: it is bordered, and not filled.
    """

    text: str
    color: str
    low: float
    high: float
    outlined: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A loss over a plane, as colours.

    Attributes:
        x, y: of its columns and rows, evenly spaced.
        losses: a row for each y; one that is not finite leaves a hole.
        axis: which colour a loss has.
    """

    x: Sequence[float]
    y: Sequence[float]
    losses: Sequence[Sequence[float]]
    axis: LossAxis


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart.

    Attributes:
        title: above it.
        x_title, y_title: of the axes; that of the other unit is `unit_title`.
        lines: in the order in which they are drawn.
        marks, bands, stretches: what else is on it.
        field: behind it, where the vertical axis is none of losses.
        log_x: the horizontal axis is logarithmic.
        top: values above it are off the scale; None for no such end.
        half: two of them fit beside each other.
        nearest: the hover text is about the nearest point, and not about all lines at a step.
        note: what has to be said below it.
    """

    title: str
    x_title: str = "steps (optimizer updates)"
    y_title: str = "loss"
    unit_title: str = ""
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    bands: Sequence[Band] = ()
    stretches: Sequence[Stretch] = ()
    field: Field | None = None
    log_x: bool = False
    top: float | None = None
    half: bool = False
    nearest: bool = False
    note: str = ""

    @property
    def names(self) -> list[str]:
        """Those along a vertical axis of names, from the top; empty where it is one of losses."""
        named = (line.y for line in self.lines if not numbers_of(line))
        return [*dict.fromkeys(str(name) for names in named for name in names)]

    @property
    def loss_axis(self) -> LossAxis:
        """The vertical axis of losses, by all lines that have its unit."""
        own = [line for line in self.lines if not line.unit]
        bounds = [mark.at for mark in self.marks if mark.axis == "y"]
        edges = [edge for band in self.bands for edge in (band.low, band.high)]
        return loss_axis([*(numbers_of(line) for line in own), *edges], bounds=bounds, top=self.top)

    @property
    def unit_axis(self) -> LossAxis | None:
        """The vertical axis of the other unit; None without a line that has it."""
        other = [numbers_of(line) for line in self.lines if line.unit]
        return loss_axis(other) if other else None


def numbers_of(line: Line) -> Sequence[float]:
    """The values of a line along a vertical axis of losses; none where that is one of names."""
    return [] if line.y and isinstance(line.y[0], str) else cast("Sequence[float]", line.y)
