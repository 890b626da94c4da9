"""Charts as what the page's script hands to its plotting library, in primitives.

Of a thousand charts most is alike: what a chart does not say here, the script knows.
"""

from __future__ import annotations

import html
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.report.charts.chart import (
    USUAL_WIDTH,
    Band,
    Chart,
    Field,
    Line,
    Mark,
    Stretch,
    numbers_of,
)
from pytest_converge.report.charts.loss_axis import BELOW, LossAxis

__all__ = ["drawn"]

#: Significant digits of a value: what a hover text shows, and more than a screen can. Of a colour,
#: and where the largest value of a list is so many times the smallest, no screen shows the fourth:
#: half of a third digit is less than 1 % of a line's height.
DIGITS, FEW_DIGITS, WIDE = 4, 3, 3.0
#: Up to here a float holds every whole number.
EXACT = 1e15
#: Points of a field along each side; the library draws what is between.
SIDE = 21

#: What the script takes for the titles that a chart does not give.
USUAL = Chart(title="")

#: By what lines look alike.
LOOK = operator.attrgetter("color", "width", "dash", "symbol", "listed", "unit")

#: Gives the number under which a list of values is kept.
Column = Callable[[Iterable[Any]], int]
#: Gives what stands for a text.
Text = Callable[[str], "str | int"]
Parts = dict[str, Any]


def drawn(charts: Iterable[Chart], *, side: int = SIDE, text: Text = str) -> Parts:
    """The charts in primitives, each list of values once.

    Args:
        charts: of a section.
        side: the most points of a field along each side.
        text: what stands for a title, a note or a name.

    Returns:
        `columns`, the lists, those of numbers as the text of a JSON array without its brackets,
        and `charts`, what is on each chart. A line is its name and the numbers of the lists of its
        x, its y and its texts. What is usual is left out: the script has it.
    """
    columns: dict[str | tuple[str, ...], int] = {}
    known: dict[tuple[Any, ...], int] = {}

    def column(values: Iterable[Any]) -> int:
        values = tuple(values)
        if values not in known:  # most lines of a chart have the same steps
            known[values] = columns.setdefault(_column(values), len(columns))
        return known[values]

    made = [_chart(chart, column, side, text) for chart in charts]
    return {"columns": [*columns], "charts": made}


def _column(values: Sequence[Any]) -> str | tuple[str, ...]:
    """The values of a list, rounded alike."""
    if values and isinstance(values[0], str):
        return tuple(map(_letters, values))
    finite = [*filter(math.isfinite, values)]
    number = _format(finite)
    if len(finite) < len(values):
        return ",".join(number % value if math.isfinite(value) else "null" for value in values)
    # All at once: there are more than a million of them where many trainings failed.
    return ",".join([number] * len(values)) % tuple(values)


def _format(values: Sequence[float]) -> str:
    """How each of them is written: with all digits where they count something."""
    sizes = [*map(abs, values)]
    most = max(sizes, default=0.0)
    if most < EXACT and all(value % 1 == 0 for value in values):
        return "%d"
    digits = FEW_DIGITS if most > WIDE * min(filter(None, sizes)) else DIGITS
    return f"%.{digits}g"


def _rounded(value: float) -> float:
    """A finite number alone."""
    short = float(f"{value:.{DIGITS}g}") if value % 1 else float(value)
    return int(short) if short.is_integer() and abs(short) < EXACT else short


def _letters(text: str) -> str:
    """A text that the library, which reads some HTML, shows letter by letter."""
    return html.escape(text, quote=False)


def _said(**parts: Any) -> Parts:
    """What is not as usual, which is empty."""
    return {name: part for name, part in parts.items() if part}


def _chart(chart: Chart, column: Column, side: int, text: Text) -> Parts:
    names = chart.names
    lines = [line for line in chart.lines if not line.unit]
    axis = None if names or chart.field else chart.loss_axis
    return {
        "title": text(chart.title),
        **_said(
            half=chart.half,
            note=text(chart.note) if chart.note else "",
            nearest=chart.nearest,
            toggle=axis is not None and _positive(lines),
            x=_said(log=chart.log_x, title=_other(chart.x_title, USUAL.x_title, text)),
            y=_said(
                log=axis is not None and axis.log,
                range=[] if axis is None else [*map(_rounded, axis.ends)],
                names=len(names),
                title=_other(chart.y_title, USUAL.y_title, text),
            ),
            unit=_letters(chart.unit_title) if len(lines) < len(chart.lines) else "",
            field={} if chart.field is None else _field(chart.field, column, side),
            stretches=[*map(_stretch, chart.stretches)],
            bands=[_band(band, column) for band in chart.bands],
            marks=[_mark(mark) for mark in chart.marks if _has_place(mark, chart, axis)],
            signs=[] if axis is None else [sign for line in lines for sign in _signs(line, axis)],
        ),
        "lines": _styled(chart.lines, column, text),
    }


def _positive(lines: Iterable[Line]) -> bool:
    """There are values, and none that a logarithmic axis has no place for."""
    values = [*itertools.chain.from_iterable(map(numbers_of, lines))]
    return bool(values) and not any(map((0.0).__ge__, values))


def _other(title: str, usual: str, text: Text) -> str | int:
    return "" if title == usual else text(_letters(title))


def _styled(lines: Iterable[Line], column: Column, text: Text) -> list[Parts]:
    """The lines, those that look alike and follow each other as one entry."""
    return [
        {**_style(*style), "of": [_entry(line, column, text) for line in alike]}
        for style, alike in itertools.groupby(lines, key=LOOK)
    ]


def _style(
    color: str, width: float, dash: str, symbol: str, listed: bool, unit: bool
) -> dict[str, Any]:
    return {
        "color": color,
        **({} if width == USUAL_WIDTH else {"width": width}),
        **_said(
            dash=dash if dash != "solid" else "", symbol=symbol, unlisted=not listed, unit=unit
        ),
    }


def _entry(line: Line, column: Column, text: Text) -> list[str | int]:
    texts = [column(line.texts)] if line.texts else []
    return [text(_letters(line.name)), column(line.x), column(line.y), *texts]


def _band(band: Band, column: Column) -> Parts:
    ends = {"low": column(band.low), "high": column(band.high)}
    return {"name": _letters(band.text), "color": band.color, "x": column(band.x), **ends}


def _stretch(stretch: Stretch) -> Parts:
    ends = {"low": _rounded(stretch.low), "high": _rounded(stretch.high)}
    text = {"name": _letters(stretch.text), "color": stretch.color}
    return {**text, **ends, **_said(outlined=stretch.outlined)}


def _mark(mark: Mark) -> Parts:
    dash = _said(dash=mark.dash if mark.dash != "dash" else "")
    text = {"text": _letters(mark.text), "color": mark.color}
    return {"axis": mark.axis, "at": _rounded(mark.at), **text, **dash, **_said(below=mark.below)}


def _has_place(mark: Mark, chart: Chart, axis: LossAxis | None) -> bool:
    log = chart.log_x if mark.axis == "x" else axis is not None and axis.log
    return mark.at > 0 or not log


def _signs(line: Line, axis: LossAxis) -> Iterator[Parts]:
    """Those at the edge for values of a line that have no place on the axis, and which."""
    losses = numbers_of(line)
    if not (line.listed and losses):
        return
    for sign, x, loss in axis.off_the_scale(line.x, losses):
        text = {"text": f"{sign} {numbers.loss(loss)}", "x": _rounded(x), "color": line.color}
        yield {**text, **_said(below=sign == BELOW)}


def _field(field: Field, column: Column, side: int) -> Parts:
    """Rows of colours, as many as it takes: the library fills in what is between."""
    rows, across = (_some(len(values), side) for values in (field.y, field.x))
    return {
        "x": column(field.x[place] for place in across),
        "y": column(field.y[row] for row in rows),
        "losses": column(field.losses[row][place] for row in rows for place in across),
        "range": [*map(_rounded, field.axis.ends)],
        **_said(log=field.axis.log),
    }


def _some(count: int, most: int) -> list[int]:
    """Places among so many, evenly spaced, of which the first and the last are two."""
    strides = (stride for stride in range(1, count) if (count - 1) % stride == 0)
    stride = next((stride for stride in strides if (count - 1) // stride < most), 1)
    return [*range(0, count, stride)]
