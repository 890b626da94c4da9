"""Pictures by matplotlib, which comes with the extra `plots`.

They show the charts of the page, one panel each. No state of matplotlib is touched: figures are
made without pyplot, and drawn by the canvas that the suffix of the file asks for.
"""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.core.baseline_history import BaselineHistory
from pytest_converge.core.data_report import DataReport
from pytest_converge.core.files import write_file
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.recorded_scores import end_losses, median, named_scores
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report.charts.chart import Chart, Field, Line, numbers_of
from pytest_converge.report.charts.loss_axis import BELOW, LossAxis, loss_axis
from pytest_converge.report.charts.study_charts import study_charts
from pytest_converge.report.charts.training_charts import pictured_charts
from pytest_converge.report.layout import one_line
from pytest_converge.report.message import headline
from pytest_converge.report.studies import outcome

__all__ = ["can_draw", "plot"]

#: A palette that the colour-blind can tell apart (Okabe, Ito 2008, Color universal design).
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#7f7f7f",
)  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED)
#: What the names of colours in charts stand for.
NAMED = {
    "--loss": BLUE, "--batch": "#9aa3ad", "--repair": GREEN, "--bound": ORANGE, "--failed": RED,
    "--norm": PURPLE, "--rate": "#56b4e9", "--muted": GREY, "--text": "black", "--path": "white",
    "--pass-tint": "#dbf1ea", "--band": "#d9d9d9",
}  # fmt: skip
#: And the names of lines and points.
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
MARKERS = {
    "circle": "o", "x": "X", "x-thin-open": "x", "diamond": "D", "square": "s", "star": "*",
    "line-ns-open": "|", "triangle-right": ">",
}  # fmt: skip
#: Inches of a panel; around the rows of one with a row for each name, and of a row.
WIDTH, HEIGHT, AROUND_ROWS, ROW = 6.8, 5.2, 2.0, 0.24
FEWEST_ROWS = 5
#: And those below an axis that its numbers and its title take.
UNDER_AXIS = 0.45
#: Characters of a title in an inch, and of the name of a row.
TITLE, NAME = 11, 28
#: A logarithmic axis has its numbers at 1, 2 and 5 below so many decades, else at 1.
FEW_DECADES = 3
#: Points of a line of batches; more cannot be told apart in a panel.
POINTS = 1000


def can_draw(subject: object) -> bool:
    """True for what `plot` draws."""
    return isinstance(subject, (ConvergenceResult, DataReport, PipelineComparison, RateRange))


def plot(subject: Any, path: str | Path) -> Path:
    """Draws a result or a study to a file.

    Args:
        subject: a `ConvergenceResult`, or what `learning_rate.range`, `preprocessing.compare` or
            `preprocessing.check` returned, or the history of a baseline.
        path: the file; its suffix says in which format: `.png`, `.svg`, `.pdf`.

    Returns:
        The path.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: the subject is nothing that can be drawn.
    """
    path = Path(path)
    write_file(path, picture(subject, path.suffix[1:]))
    return path


def picture(subject: Any, kind: str) -> bytes:
    """What `plot` writes.

    Args:
        subject: as there.
        kind: the format, as "png"; empty for matplotlib's own.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: the subject is nothing that can be drawn.
    """
    content = io.BytesIO()
    figure_of(subject).savefig(content, dpi=120, format=kind or None)
    return content.getvalue()


def figure_of(subject: Any) -> Any:
    """The figure of a result or a study, as `plot` draws it."""
    if isinstance(subject, BaselineHistory):
        return _history(subject)
    if isinstance(subject, ConvergenceResult):
        return _panels(pictured_charts(subject, points=POINTS), subject.test, headline(subject))
    if can_draw(subject):
        return _panels(study_charts(subject), subject.test, outcome(subject, unicode=True))
    raise TypeError(f"cannot draw {type(subject).__name__}; pass a result or a study")


def _new_figure(width: float, height: float, *titles: str) -> Any:
    """An empty figure of so many inches.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = 'matplotlib is missing; install it by: pip install "pytest-converge[plots]"'
        raise ImportError(remedy) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    lines = [textwrap.fill(one_line(title), int(TITLE * width)) for title in titles]
    figure.suptitle("\n".join(lines), fontsize=11, parse_math=False)
    return figure


def _panels(charts: Iterable[Chart], test: str, what: str) -> Any:
    """A panel for each chart, side by side."""
    charts = list(charts)
    height = max(map(_height, charts), default=HEIGHT)
    figure = _new_figure(WIDTH * max(len(charts), 1), height, test, what)
    for place, chart in enumerate(charts, start=1):
        axes = figure.add_subplot(1, len(charts), place)
        said = [chart.title if len(charts) > 1 else "", textwrap.fill(chart.note, 80)]
        axes.set_title("\n".join(filter(None, said)), fontsize=9, parse_math=False)
        _draw(figure, axes, chart)
    return figure


def _height(chart: Chart) -> float:
    return AROUND_ROWS + ROW * max(len(chart.names), FEWEST_ROWS) if chart.names else HEIGHT


def _draw(figure: Any, axes: Any, chart: Chart) -> None:
    axes.set_xlabel(chart.x_title)
    axes.set_ylabel(chart.y_title)
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#e6e6e6", lw=0.6)
    if chart.log_x:
        axes.set_xscale("log")
    _ground(axes, chart)
    if chart.field is not None:
        _colors(figure, axes, chart.field)
    names = chart.names
    other = axes.twinx() if chart.unit_axis is not None else None
    for line in chart.lines:
        _line(other if line.unit else axes, line, names, outlined=chart.field is not None)
    for mark in chart.marks:
        across = axes.axvline if mark.axis == "x" else axes.axhline
        if mark.axis == "x" or mark.at > 0 or not chart.loss_axis.log:
            across(mark.at, color=NAMED[mark.color], lw=1.2, ls=DASHES[mark.dash],
                   label=mark.text)  # fmt: skip
    if names:
        _rows(axes, names)
    elif chart.field is None:
        _across(axes, chart)
        _losses(axes, chart.loss_axis)
        _signs(axes, chart)
    _ticks(axes.xaxis, chart.log_x)
    if other is not None and chart.unit_axis is not None:
        _losses(other, chart.unit_axis)
        other.set_ylabel(chart.unit_title)
    _legend_below(axes, other)


def _ground(axes: Any, chart: Chart) -> None:
    """What is behind the lines: parts of the horizontal axis, and bands."""
    for stretch in chart.stretches:
        color = NAMED[stretch.color]
        style = {"fill": False, "ec": color, "ls": "--"} if stretch.outlined else {"color": color}
        axes.axvspan(stretch.low, stretch.high, label=stretch.text, zorder=0.5, **style)
    for band in chart.bands:
        edges = [math.isfinite(low + high) for low, high in zip(band.low, band.high, strict=True)]
        axes.fill_between(band.x, band.low, band.high, where=edges, color=NAMED[band.color], lw=0,
                          label=band.text)  # fmt: skip


def _line(axes: Any, line: Line, names: Sequence[str], *, outlined: bool) -> None:
    """A line or points; each name has a row."""
    places = [names.index(y) if isinstance(y, str) else y for y in line.y]
    style: dict[str, Any] = {"lw": line.width, "ls": DASHES[line.dash] if line.width else ""}
    if line.symbol:
        small = {"ms": 2.5} if line.width else {"ms": 12 if line.symbol == "star" else 7}
        style = {**style, **small, "marker": MARKERS[line.symbol]}
    if outlined:
        from matplotlib.patheffects import withStroke

        style["path_effects"] = [withStroke(linewidth=line.width + 1.2, foreground="#404040")]
    label = line.name if line.listed else None
    axes.plot(line.x, places, color=NAMED[line.color], label=label, zorder=3, **style)


def _rows(axes: Any, names: Sequence[str]) -> None:
    shown = [name if len(name) <= NAME else f"{name[: NAME - 1]}…"
             for name in names]  # fmt: skip
    axes.set_yticks(range(len(names)), shown, fontsize=8, parse_math=False)
    axes.set_ylim(max(len(names), FEWEST_ROWS) - 0.3, -0.7)
    axes.set_ylabel("")


def _across(axes: Any, chart: Chart) -> None:
    """A horizontal axis to all points, also those whose loss has no place."""
    xs = [x for line in chart.lines for x in line.x if x > 0 or not chart.log_x]
    axes.update_datalim([(x, axes.get_ylim()[0]) for x in xs], updatey=False)
    axes.autoscale_view(scaley=False)


def _losses(axes: Any, axis: LossAxis) -> None:
    """A vertical axis of losses; what has no place on it leaves a gap."""
    if axis.log:
        axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(axis.low, axis.high)
    _ticks(axes.yaxis, axis.log)


def _ticks(axis: Any, log: bool) -> None:
    """Numbers at 1, 2 and 5, as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if log:
        low, high = axis.get_view_interval()
        few = math.log10(high / low) < FEW_DECADES
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.number(value, 6)))


def _signs(axes: Any, chart: Chart) -> None:
    """At the edge what has no place on the axis, and which loss it is."""
    axis, (low, high) = chart.loss_axis, axes.get_xlim()
    lines = [line for line in chart.lines if line.listed and not line.unit]
    found = [(line, *off) for line in lines for off in axis.off_the_scale(line.x, numbers_of(line))]
    stacked = {True: 0, False: 0}
    for line, sign, x, loss in found:
        scaled = [math.log(value) if chart.log_x else value for value in (low, x, high)]
        share = (scaled[1] - scaled[0]) / (scaled[2] - scaled[0])
        below = sign == BELOW
        index, stacked[below] = stacked[below], stacked[below] + 1
        axes.annotate(
            f"{sign} {numbers.loss(loss)}",
            (x, 0.0 if below else 1.0),
            (0, (4 + 14 * index) * (1 if below else -1)),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="left" if share < 0.1 else "right" if share > 0.9 else "center",
            va="bottom" if below else "top",
            color=NAMED[line.color],
            fontsize=9,
            bbox={"color": "white", "pad": 0.5, "alpha": 0.8},
            zorder=5,
        )


def _colors(figure: Any, axes: Any, field: Field) -> None:
    """A loss over a plane, smooth between its points; where it is not finite, hatched."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.ticker import LogLocator, MaxNLocator

    axis = field.axis
    finite = [loss for row in field.losses for loss in row if math.isfinite(loss)]
    if len(finite) < sum(map(len, field.losses)):
        axes.patch.set(facecolor="white", edgecolor=GREY, hatch="///")
    axes.grid(visible=False)
    axes.set_xlim(field.x[0], field.x[-1])
    axes.set_ylim(field.y[0], field.y[-1])
    _ticks(axes.yaxis, log=False)
    if not finite:
        return
    norm = (LogNorm if axis.log else Normalize)(axis.low, axis.high)
    colors = colormaps["viridis"].with_extremes(bad="none")
    # Of no loss below a logarithmic scale there is a colour, so it takes that of its end.
    shown = [[max(loss, axis.low) if math.isfinite(loss) else math.nan for loss in row]
             for row in field.losses]  # fmt: skip
    drawn = axes.pcolormesh(field.x, field.y, shown, norm=norm, cmap=colors, shading="gouraud",
                            rasterized=True)  # fmt: skip
    few = axis.log and math.log10(axis.high / axis.low) < FEW_DECADES
    ticks = (
        LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,))
        if axis.log
        else MaxNLocator(nbins=9, steps=[1, 2, 5, 10])
    )
    inner = [level for level in ticks.tick_values(axis.low, axis.high)
             if max(min(finite), axis.low) < level < max(finite)]  # fmt: skip
    if inner:
        axes.contour(field.x, field.y, shown, levels=inner, colors="white", linewidths=0.4)
    ends = [
        *(["min"] if min(finite) < axis.low else []),
        *(["max"] if max(finite) > axis.high else []),
    ]
    extend = "both" if len(ends) == 2 else next(iter(ends), "neither")
    bar = figure.colorbar(drawn, ax=axes, ticks=ticks, extend=extend,
                          format=lambda value, _: numbers.number(value, 3))  # fmt: skip
    bar.set_label("loss")
    bar.ax.minorticks_off()


def _legend_below(axes: Any, other: Any = None) -> None:
    """A legend below, where it hides no point; of one line there is none."""
    from matplotlib.transforms import ScaledTranslation

    found = [each.get_legend_handles_labels() for each in (axes, other) if each is not None]
    handles, labels = ([*itertools.chain(*each)] for each in zip(*found, strict=True))
    if len(handles) > 1:
        lower = ScaledTranslation(0, -UNDER_AXIS, axes.figure.dpi_scale_trans)
        axes.legend(handles, labels, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 0),
                    bbox_transform=axes.transAxes + lower, ncols=2, frameon=False)  # fmt: skip


def _history(history: BaselineHistory) -> Any:
    """Scores and last loss against the commits, with the range of the runs."""
    versions = history.read
    number = f" #{history.number}" if history.number > 1 else ""
    width = min(max(6.5, 2.5 + 0.5 * len(versions)), 16)
    figure = _new_figure(width, 4.5, f"recorded baselines: {history.test}{number}")
    axes = figure.add_subplot()
    points: dict[str, list[tuple[int, list[float]]]] = {}
    for index, version in enumerate(versions):
        if version.training is not None:
            named = [
                *named_scores(version.training),
                ("last loss", end_losses(version.training)[1]),
            ]
            for name, values in named:
                points.setdefault(name, []).append((index, values))
    for (name, found), color in zip(points.items(), COLORS * 9, strict=False):
        places = [index for index, _ in found]
        middles = [median(values) for _, values in found]
        axes.plot(places, middles, color=color, lw=1.5, marker="o", ms=4, label=name)
        ranges = ([min(values) for _, values in found], [max(values) for _, values in found])
        axes.fill_between(places, *ranges, color=color, alpha=0.15, lw=0)
    courses = [values for found in points.values() for _, values in found]
    _losses(axes, loss_axis([[*itertools.chain(*courses)]]))
    for index, version in enumerate(versions):
        if version.training is not None and version.training.reason:
            axes.axvline(index, color=RED, lw=1, ls="--")
        if version.changed or version.other_data:
            axes.axvline(index, color=GREY, lw=1, ls=":")
    axes.plot([], [], color=RED, lw=1, ls="--", label="worse runs accepted")
    axes.plot([], [], color=GREY, lw=1, ls=":", label="other settings or data")
    labels = [f"{version.commit or 'uncommitted'}\n{version.date}" for version in versions]
    axes.set_xticks(range(len(versions)), labels, fontsize=7, rotation=45, ha="right")
    axes.set_ylabel("median over the runs, and their range")
    _legend_below(axes)
    return figure
