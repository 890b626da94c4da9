"""Charts as what the page's script hands to its plotting library, in primitives.

Of a thousand charts most is alike: what a chart does not say here, the script knows.
"""

from __future__ import annotations

import html
import json
import math
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
#: Points of a field along each side; the library draws what is between.
SIDE = 21

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
        `columns`, the lists, and `charts`, what is on each chart. A line is its name and the
        numbers of the lists of its x, its y and its texts. What is usual is left out: the script
        has it.
    """
    columns: dict[tuple[Any, ...], int] = {}
    known: dict[tuple[Any, ...], int] = {}

    def column(values: Iterable[Any]) -> int:
        values = tuple(values)
        if values not in known:  # most lines of a chart have the same steps
            known[values] = columns.setdefault(_column(values), len(columns))
        return known[values]

    made = [_chart(chart, column, side, text) for chart in charts]
    return {"columns": [*map(list, columns)], "charts": made}


def _column(values: Sequence[Any]) -> tuple[float | str | None, ...]:
    """The values of a list, rounded alike."""
    if values and isinstance(values[0], str):
        return tuple(map(_rounded, values))
    finite = [*filter(math.isfinite, values)]
    sizes = [*filter(None, map(abs, finite))]
    digits = FEW_DIGITS if sizes and max(sizes) > WIDE * min(sizes) else DIGITS
    if len(finite) < len(values) or all(value % 1 == 0 for value in values):
        return tuple(_rounded(value, digits) for value in values)
    # All at once: there are more than a million of them where many trainings failed.
    text = ",".join([f"%.{digits}g"] * len(values)) % tuple(values)
    return tuple(json.loads(f"[{text}]"))


def _rounded(value: float | str, digits: int = DIGITS) -> float | str | None:
    if isinstance(value, str):
        return _letters(value)
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}") if value % 1 else float(value)
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _letters(text: str) -> str:
    """A text that the library, which reads some HTML, shows letter by letter."""
    return html.escape(text, quote=False)


def _said(**parts: Any) -> Parts:
    """What is not as usual, which is empty."""
    return {name: part for name, part in parts.items() if part not in ("", False, None, [], {})}


def _chart(chart: Chart, column: Column, side: int, text: Text) -> Parts:
    axis, usual, names = chart.loss_axis, Chart(title=""), chart.names
    lines = [line for line in chart.lines if not line.unit]
    values = [value for line in lines for value in numbers_of(line)]
    of_losses = not names and chart.field is None
    return {
        "title": text(chart.title),
        **_said(
            half=chart.half,
            note=text(chart.note) if chart.note else "",
            nearest=chart.nearest,
            toggle=of_losses and bool(values) and not any(map((0.0).__ge__, values)),
            x=_said(log=chart.log_x, title=_other(chart.x_title, usual.x_title, text)),
            y=_said(
                log=axis.log and of_losses,
                range=[*map(_rounded, axis.ends)] if of_losses else [],
                names=len(names),
                title=_other(chart.y_title, usual.y_title, text),
            ),
            unit=_letters(chart.unit_title) if len(lines) < len(chart.lines) else "",
            field={} if chart.field is None else _field(chart.field, column, side),
            stretches=[*map(_stretch, chart.stretches)],
            bands=[_band(band, column) for band in chart.bands],
            marks=[_mark(mark) for mark in chart.marks if mark.at > 0 or not _on_log(mark, chart)],
            signs=[sign for line in lines for sign in _signs(line, axis)],
        ),
        "lines": _styled(chart.lines, column, text),
    }


def _other(title: str, usual: str, text: Text) -> str | int:
    return "" if title == usual else text(_letters(title))


def _styled(lines: Iterable[Line], column: Column, text: Text) -> list[Parts]:
    """The lines, those that look alike and follow each other as one entry."""
    made: list[Parts] = []
    for line in lines:
        texts = [column(line.texts)] if line.texts else []
        entry = [text(_letters(line.name)), column(line.x), column(line.y), *texts]
        style = {
            "color": line.color,
            **({} if line.width == USUAL_WIDTH else {"width": line.width}),
            **_said(
                dash=line.dash if line.dash != "solid" else "",
                symbol=line.symbol,
                unlisted=not line.listed,
                unit=line.unit,
            ),
        }
        if made and {**made[-1], "of": None} == {**style, "of": None}:
            made[-1]["of"].append(entry)
        else:
            made.append({**style, "of": [entry]})
    return made


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
    return {"axis": mark.axis, "at": _rounded(mark.at), **text, **dash}


def _on_log(mark: Mark, chart: Chart) -> bool:
    return chart.log_x if mark.axis == "x" else chart.loss_axis.log


def _signs(line: Line, axis: LossAxis) -> Iterator[Parts]:
    """Those at the edge for values of a line that have no place on the axis, and which."""
    losses = numbers_of(line)
    if not (line.listed and losses):
        return
    for sign, x, loss in axis.off_the_scale(line.x, losses):
        text = {"text": f"{sign} {numbers.number(loss)}", "x": _rounded(x), "color": line.color}
        yield {**text, **_said(below=sign == BELOW)}


def _field(field: Field, column: Column, side: int) -> Parts:
    """Rows of colours, as many as it takes: the library fills in what is between."""
    rows, across = (_some(len(values), side) for values in (field.y, field.x))
    losses = [[_rounded(field.losses[row][place], FEW_DIGITS) for place in across] for row in rows]
    return {
        "x": column(field.x[place] for place in across),
        "y": column(field.y[row] for row in rows),
        "losses": losses,
        "range": [*map(_rounded, field.axis.ends)],
        **_said(log=field.axis.log),
    }


def _some(count: int, most: int) -> list[int]:
    """Places among so many, evenly spaced, of which the first and the last are two."""
    strides = (stride for stride in range(1, count) if (count - 1) % stride == 0)
    stride = next((stride for stride in strides if (count - 1) // stride < most), 1)
    return [*range(0, count, stride)]
