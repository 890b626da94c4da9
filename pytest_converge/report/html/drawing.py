"""Charts as what the plotting library of the page takes: traces and a layout, in primitives."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.report.html.charts import Band, Chart, Line, Mark, Stretch
from pytest_converge.report.sparkline import log_suits

__all__ = ["drawn"]

#: Significant digits of a value: what a hover text shows, and more than a screen can.
DIGITS = 4
#: Room beyond the highest and the lowest drawn value, as a share of the axis.
ROOM = 0.06
#: Pixels of a chart with a row for each name: around the rows, and of a row.
AROUND_ROWS, ROW = 130, 22
#: Pixels of a line of text, and of the edge above a chart.
LINE, EDGE = 14, 14
#: What stands at the edge for a value that has no place on the axis: above, nowhere, below.
ABOVE, NOWHERE, BELOW = "▴", "\N{MULTIPLICATION SIGN}", "▾"

#: The end of what stands at the pointer: the name of the line, which the library fills in.
NAME = "<extra>%{fullData.name}</extra>"

#: Gives the number under which a list of values is kept.
Column = Callable[[Iterable[Any]], int]
Parts = list[dict[str, Any]]


def drawn(charts: Iterable[Chart]) -> dict[str, Any]:
    """The charts in primitives, each list of values once.

    `columns` has the lists; `x`, `y` and `text` of a trace are the numbers of theirs. `charts` has
    the traces and the layout that the library takes, and what stands around them.
    """
    columns: dict[tuple[Any, ...], int] = {}

    def column(values: Iterable[Any]) -> int:
        return columns.setdefault(tuple(map(_rounded, values)), len(columns))

    made = [_chart(chart, column) for chart in charts]
    return {"columns": [*map(list, columns)], "charts": made}


def _rounded(value: float | str) -> float | str | None:
    if isinstance(value, str):
        return _letters(value)
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}") if value % 1 else float(value)
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _letters(text: str) -> str:
    """A text that the library, which reads some HTML, shows letter by letter."""
    return html.escape(text, quote=False)


def _chart(chart: Chart, column: Column) -> dict[str, Any]:
    log = _is_logarithmic(chart)
    values = _values(chart)
    placed = [mark for mark in chart.marks if mark.at > 0 or not _on_log(mark, chart, log)]
    upright = [mark for mark in placed if mark.axis == "x"]
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": chart.x_title}, "type": _type(chart.log_x)},
        "yaxis": {"title": {"text": chart.y_title}, "type": _type(log)},
        "hovermode": "closest" if chart.nearest else "x",
        "shapes": [*map(_stretch, chart.stretches), *map(_rule, placed)],
        "annotations": [
            *(_label(mark, chart, log) for mark in placed if mark.axis == "y"),
            *_stacked([_label(mark, chart, log) for mark in upright], LINE),
            *_stacked(
                [note for line in chart.lines for note in _off_the_scale(line, chart, log)], -LINE
            ),
        ],
        "margin": {"t": EDGE + LINE * len(upright)},
    }
    names = [name for line in chart.lines for name in line.y if isinstance(name, str)]
    if names:
        layout["yaxis"] = {"type": "category", "autorange": "reversed"}
        layout["height"] = AROUND_ROWS + ROW * len(set(names)) + LINE * len(upright)
    elif chart.top is not None and any(value > chart.top for value in values):
        layout["yaxis"]["range"] = _range(values, chart.top, placed, log)
    if any(line.unit for line in chart.lines):
        title = {"text": chart.unit_title}
        layout["yaxis2"] = {"title": title, "overlaying": "y", "side": "right", "showgrid": False}
    return {
        "title": chart.title,
        "half": chart.half,
        "note": chart.note,
        "log": bool(values) and not names and min(values) > 0,
        "traces": [
            *(_in_legend(stretch, column) for stretch in chart.stretches),
            *(trace for band in chart.bands for trace in _band(band, column)),
            *(_trace(line, column) for line in chart.lines),
        ],
        "layout": layout,
    }


def _type(log: bool) -> str:
    return "log" if log else "linear"


def _values(chart: Chart) -> list[float]:
    """The finite values along the vertical axis."""
    return [
        value
        for line in chart.lines
        if not line.unit
        for value in line.y
        if not isinstance(value, str) and math.isfinite(value)
    ]


def _is_logarithmic(chart: Chart) -> bool:
    """Whether the vertical axis is; a loss of exactly 0 does not make it linear."""
    if chart.log_y is not None:
        return chart.log_y
    bounds = [mark.at for mark in chart.marks if mark.axis == "y"]
    values = [*_values(chart), *bounds]
    return min(values, default=0.0) >= 0 and log_suits([value for value in values if value])


def _range(values: Sequence[float], top: float, marks: Sequence[Mark], log: bool) -> list[float]:
    """The ends of a vertical axis that does not reach to all values, as the library takes them."""
    bounds = [mark.at for mark in marks if mark.axis == "y"]
    ends = [value for value in (*values, *bounds, top) if value <= top and (value > 0 or not log)]
    low, high = (math.log10(end) if log else end for end in (min(ends), max(ends)))
    return [low - ROOM * (high - low), high + ROOM * (high - low)]


def _trace(line: Line, column: Column) -> dict[str, Any]:
    """What differs from a listed line whose value stands at the pointer, which the page draws."""
    trace: dict[str, Any] = {
        "name": _letters(line.name),
        "x": column(line.x),
        "y": column(line.y),
        "line": {"color": line.color, "width": line.width},
    }
    if line.dash != "solid":
        trace["line"]["dash"] = line.dash
    if not line.listed:
        trace["showlegend"] = False
    if line.symbol:
        trace["mode"] = "lines+markers" if line.width else "markers"
        trace["marker"] = {"color": line.color, "symbol": line.symbol, "size": 8}
    if line.unit:
        trace["yaxis"] = "y2"
    if isinstance(next(iter(line.y), 0.0), str):
        trace["hovertemplate"] = "%{y}: %{x:.4~g}" + NAME
    if line.texts:
        trace["text"] = column(line.texts)
        trace["hovertemplate"] = "%{y:.4~g} %{text}" + NAME
    return trace


def _band(band: Band, column: Column) -> Iterator[dict[str, Any]]:
    """Two curves that are not drawn, with the colour between."""
    edge = {
        "hoverinfo": "skip",
        "line": {"width": 0, "color": band.color},
        "x": column(band.x),
    }
    yield {**edge, "y": column(band.low), "showlegend": False}
    filled = {"fill": "tonexty", "fillcolor": band.color, "name": _letters(band.text)}
    yield {**edge, **filled, "y": column(band.high)}


def _in_legend(stretch: Stretch, column: Column) -> dict[str, Any]:
    """A point that is nowhere: what a legend shows of a part of the axis."""
    nowhere = column([math.nan])
    symbol = "square-open" if stretch.outlined else "square"
    return {
        "mode": "markers",
        "hoverinfo": "skip",
        "name": _letters(stretch.text),
        "x": nowhere,
        "y": nowhere,
        "marker": {"color": stretch.color, "symbol": symbol, "size": 12},
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    ends = {"x0": stretch.low, "x1": stretch.high, "yref": "paper", "y0": 0, "y1": 1}
    line = {"color": stretch.color, "width": 1.5 * stretch.outlined, "dash": "dash"}
    fill = {} if stretch.outlined else {"fillcolor": stretch.color}
    return {"type": "rect", **ends, **fill, "line": line, "layer": "below"}


def _rule(mark: Mark) -> dict[str, Any]:
    other = "y" if mark.axis == "x" else "x"
    ends = {f"{mark.axis}0": mark.at, f"{mark.axis}1": mark.at, f"{other}0": 0, f"{other}1": 1}
    line = {"color": mark.color, "width": 1.2, "dash": mark.dash}
    return {"type": "line", f"{other}ref": "paper", **ends, "line": line}


def _on_log(mark: Mark, chart: Chart, log: bool) -> bool:
    return chart.log_x if mark.axis == "x" else log


def _label(mark: Mark, chart: Chart, log: bool) -> dict[str, Any]:
    # Unlike lines, texts are placed by the exponent.
    at = math.log10(mark.at) if _on_log(mark, chart, log) else mark.at
    if mark.axis == "y":
        ends = {"xref": "paper", "x": 1, "xanchor": "right", "y": at, "yanchor": "bottom"}
    else:
        ends = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": at, "xanchor": "center"}
    font = {"color": mark.color}
    return {"text": _letters(mark.text), "showarrow": False, "font": font, **ends}


def _stacked(notes: Parts, line: int) -> Parts:
    """Texts at one edge, each a line further, so that none hides its neighbour."""
    return [{**note, "yshift": line * index} for index, note in enumerate(notes)]


def _off_the_scale(line: Line, chart: Chart, log: bool) -> Parts:
    """A sign at the edge for the first value of a line that has no place on the axis, and which."""
    if line.unit or not line.listed:
        return []
    found: dict[str, tuple[float, float]] = {}
    points: Iterable[tuple[float, float | str]] = zip(line.x, line.y, strict=True)
    for x, y in points:
        if isinstance(y, str):
            return []
        if math.isnan(y):
            found.setdefault(NOWHERE, (x, y))
        elif y > (math.inf if chart.top is None else chart.top) or y == math.inf:
            found.setdefault(ABOVE, (x, y))
        elif log and y <= 0:
            found.setdefault(BELOW, (x, y))
    return [
        {
            "text": f"{sign} {numbers.number(y)}",
            "x": math.log10(x) if chart.log_x else x,
            "yref": "paper",
            "y": float(sign != BELOW),
            "yanchor": "bottom" if sign == BELOW else "top",
            "showarrow": False,
            "font": {"color": line.color},
        }
        for sign, (x, y) in found.items()
    ]
