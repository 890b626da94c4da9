"""Charts in plain values: what the plotting library of the page draws, without its colours.

A colour is the name of a custom property of the page's style sheet, so that it follows the theme.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

__all__ = ["Band", "Chart", "Line", "Mark", "Stretch"]


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
    width: float = 1.5
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
    """

    axis: str
    at: float
    text: str
    color: str
    dash: str = "dash"


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
class Chart:
    """One chart.

    Attributes:
        title: above it.
        x_title, y_title: of the axes; that of the other unit is `unit_title`.
        lines: in the order in which they are drawn.
        marks, bands, stretches: what else is on it.
        log_x: the horizontal axis is logarithmic.
        log_y: the vertical axis is; None decides by the values.
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
    log_x: bool = False
    log_y: bool | None = None
    top: float | None = None
    half: bool = False
    nearest: bool = False
    note: str = ""
