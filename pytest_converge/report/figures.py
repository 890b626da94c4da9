"""Pictures by matplotlib, which comes with the extra `plots`.

No state of matplotlib is touched: figures are made without pyplot, and drawn by the canvas that
the suffix of the file asks for.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.core.baseline_history import BaselineHistory
from pytest_converge.core.curve import LossSurface
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.core.files import write_file
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.recorded_scores import end_losses, median, named_scores
from pytest_converge.core.result import ConvergenceResult

__all__ = ["can_draw", "plot"]

#: A palette that the colour-blind can tell apart (Okabe, Ito 2008, Color universal design).
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#7f7f7f",
)  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED)
#: Losses above this many initial ones are drawn at the upper end.
HIGHEST = 10.0
#: Columns and exchanges that a picture has room for.
MOST_BARS, MOST_COLUMNS = 12, 40


def can_draw(subject: object) -> bool:
    """True for what `plot` draws."""
    return isinstance(subject, (ConvergenceResult, DataReport, PipelineComparison, RateRange))


def plot(subject: Any, path: str | Path, *, surface: LossSurface | None = None) -> Path:
    """Draws a result or a study to a file.

    Args:
        subject: a `ConvergenceResult`, or what `learning_rate.range`, `preprocessing.compare` or
            `preprocessing.check` returned, or the history of a baseline.
        path: the file; its suffix says in which format: `.png`, `.svg`, `.pdf`.
        surface: the loss around the path of a training, for its result.

    Returns:
        The path.

    Raises:
        ImportError: matplotlib is missing.
        TypeError: the subject is nothing that can be drawn.
    """
    if isinstance(subject, RateRange):
        figure = _rate_range(subject)
    elif isinstance(subject, PipelineComparison):
        figure = _comparison(subject)
    elif isinstance(subject, DataReport):
        figure = _columns(subject)
    elif isinstance(subject, BaselineHistory):
        figure = _history(subject)
    elif isinstance(subject, ConvergenceResult):
        figure = training_figure(subject, surface)
    else:
        raise TypeError(f"cannot draw {type(subject).__name__}; pass a result or a study")
    content, path = io.BytesIO(), Path(path)
    figure.savefig(content, dpi=120, format=path.suffix[1:] or None)
    write_file(path, content.getvalue())
    return path


def _new_figure(width: float, height: float, title: str) -> Any:
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
    figure.suptitle(title, fontsize=11)
    return figure


def _log_if_positive(axes: Any, losses: Sequence[float]) -> None:
    """A logarithmic axis of losses, where they have logarithms."""
    if all(loss > 0 for loss in losses if math.isfinite(loss)):
        axes.set_yscale("log")
        _plain_numbers(axes.yaxis)


def _plain_numbers(axis: Any) -> None:
    """Numbers as people write them on a logarithmic axis, also within one decade."""
    from matplotlib.ticker import FuncFormatter

    def between(value: float, _: object) -> str:
        low, high = sorted(axis.get_view_interval())
        digit = round(value / 10 ** math.floor(math.log10(value) + 1e-9))
        return numbers.number(value, 6) if high < 30 * low and digit in {2, 3, 5} else ""

    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.number(value, 6)))
    axis.set_minor_formatter(FuncFormatter(between))


def _legend_beside(axes: Any) -> None:
    """A legend to the right, where it hides no point."""
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def training_figure(result: ConvergenceResult, surface: LossSurface | None) -> Any:
    """The loss curve, and the surface beside it."""
    verdict = "converged" if result.passed else "did not converge"
    figure = _new_figure(11 if surface else 6.5, 4.5, f"{result.test}: {verdict}")
    axes = figure.add_subplot(1, 2, 1) if surface else figure.add_subplot()
    curve = result.curve.thinned()
    if not result.shown_run.record.probe_rows:
        axes.plot(curve.steps, curve.batch_loss, color=BLUE, lw=1.2, label="loss")
    else:
        axes.plot(curve.steps, curve.batch_loss, color=GREY, lw=0.7, label="loss of each batch")
        axes.plot(*curve.trend, color=BLUE, lw=2, label="loss on the probe set")
    bound = result.expectation.max_loss
    if bound is not None:
        axes.axhline(bound, color=ORANGE, lw=1.2, label=f"max_loss {numbers.number(bound)}")
    _log_if_positive(axes, [*curve.batch_loss, *curve.probe_loss])
    axes.set_xlabel("steps (optimizer updates)")
    axes.set_ylabel("loss")
    axes.legend(fontsize=8)
    if surface is not None:
        beside = figure.add_subplot(1, 2, 2)
        (_plane if surface.y else _line)(figure, beside, surface)
    return figure


def _line(figure: Any, axes: Any, surface: LossSurface) -> None:
    """The loss of one parameter, with the path on it."""
    axes.plot(surface.x, surface.losses[0], color=GREY, lw=1.2, label="loss")
    xs, losses = [p[0] for p in surface.path], [p[2] for p in surface.path]
    axes.plot(xs, losses, color=BLUE, lw=0.8, marker=".", ms=4, label="path")
    axes.plot(xs[:1], losses[:1], color=ORANGE, marker="s", ls="", label="start")
    axes.plot(xs[-1:], losses[-1:], color=RED, marker="*", ms=11, ls="", label="end")
    axes.set_xlabel(surface.names[0])
    axes.set_ylabel("loss")
    axes.legend(fontsize=8)


def _plane(figure: Any, axes: Any, surface: LossSurface) -> None:
    """Contours of the loss over two coordinates, with the path or the end."""
    finite = [loss for row in surface.losses for loss in row if math.isfinite(loss)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    grid = [[loss if math.isfinite(loss) else high for loss in row] for row in surface.losses]
    from matplotlib.colors import BoundaryNorm

    levels = _levels(low, high)
    norm = BoundaryNorm(levels, 256)
    filled = axes.contourf(surface.x, surface.y, grid, levels=levels, cmap="viridis", norm=norm)
    axes.contour(surface.x, surface.y, grid, levels=levels, colors="white", linewidths=0.3)
    bar = figure.colorbar(filled, ax=axes, format=lambda value, _: numbers.number(value, 3))
    bar.set_label("loss")
    unit = " (lengths of the weights)" if surface.slice_of_model else ""
    axes.set_xlabel(f"{surface.names[0]}{unit}")
    axes.set_ylabel(f"{surface.names[1]}{unit}")
    if surface.path:
        xs, ys = [p[0] for p in surface.path], [p[1] for p in surface.path]
        axes.plot(xs, ys, color="white", lw=1, marker=".", ms=3, label="path")
        axes.plot(xs[:1], ys[:1], color=ORANGE, marker="s", ls="", label="start")
        axes.plot(xs[-1:], ys[-1:], color=RED, marker="*", ms=11, ls="", label="end")
    else:
        axes.plot([0], [0], color=RED, marker="*", ms=11, ls="", label="end of the training")
        axes.set_title("slice through the weights, normalised by filter", fontsize=9)
    axes.legend(fontsize=8, facecolor="lightgrey")


def _levels(low: float, high: float, count: int = 16) -> list[float]:
    """Levels of contours: by factors where the losses span some, else by amounts."""
    if not high > low:
        return [low, low + 1.0]
    if low > 0 and high / low > 10:
        return [low * (high / low) ** (i / count) for i in range(count + 1)]
    return [low + (high - low) * (i / count) ** 2 for i in range(count + 1)]


def _rate_range(study: RateRange) -> Any:
    """Loss against learning rate, with the bracket."""
    figure = _new_figure(8, 4.8, f"learning rates that pass: {study.test}")
    axes = figure.add_subplot()
    finite = [p.final_loss for p in study.points if math.isfinite(p.final_loss)]
    positive = study.initial_loss > 0 and min(finite, default=1.0) > 0
    top = HIGHEST * study.initial_loss if positive else max(finite, default=1.0)
    if study.bracket is not None:
        low, high = study.bracket
        axes.axvspan(low, high, color=GREEN, alpha=0.12, lw=0, label="passing")
    kinds = [
        ("passed", "o", BLUE, [p for p in study.points if p.passed]),
        ("failed", "X", RED, [p for p in study.points if not p.passed and p.complete]),
        ("broken off", ".", GREY, [p for p in study.points if not p.complete]),
    ]
    shown = [
        (p.learning_rate, min(p.final_loss, top) if math.isfinite(p.final_loss) else top)
        for p in study.points
    ]
    axes.plot(*zip(*shown, strict=True), color=GREY, lw=0.8, zorder=1)
    at = dict(shown)
    for label, marker, color, points in kinds:
        if points:
            rates = [p.learning_rate for p in points]
            axes.scatter(rates, [at[r] for r in rates], marker=marker, color=color, s=45,
                         label=label, zorder=3)  # fmt: skip
    for run, color in zip(study.schedules, COLORS[2:] * 9, strict=False):
        x, y = [run.point.learning_rate], [min(run.point.final_loss, top)]
        label = f"under {run.name}, at its peak"
        axes.scatter(x, y, marker="D", color=color, s=45, label=label, zorder=4)
    axes.axvline(study.own, color="black", lw=1.2, label=f"own rate {numbers.rate(study.own)}")
    if study.stability_limit is not None:
        text = f"limit by curvature {numbers.rate(study.stability_limit)}"
        axes.axvline(study.stability_limit, color=PURPLE, lw=1.2, ls="--", label=text)
    if study.divergence is not None:
        text = f"diverges from {numbers.rate(study.divergence)}"
        axes.axvline(study.divergence, color=RED, lw=1.2, ls=":", label=text)
    if study.max_loss is not None:
        axes.axhline(
            study.max_loss, color=ORANGE, lw=1.2, label=f"max_loss {numbers.number(study.max_loss)}"
        )
    axes.axhline(study.initial_loss, color=GREY, lw=0.8, ls="--", label="initial loss")
    axes.set_xscale("log")
    if positive:
        axes.set_yscale("log")
        axes.set_ylim(top=top * 1.5)
        _plain_numbers(axes.yaxis)
    name = "peak learning rate of the schedule" if study.scheduled else "learning rate"
    axes.set_xlabel(f"{name} (per update)")
    axes.set_ylabel(f"loss after {study.steps} steps")
    _legend_beside(axes)
    return figure


def _comparison(study: PipelineComparison) -> Any:
    """Loss against steps on each pipeline, and what columns do to the reference."""
    exchanges = [e for e in study.exchanges[:MOST_BARS] if math.isfinite(e.factor)]
    figure = _new_figure(10 if exchanges else 7, 4.5, f"pipelines compared: {study.test}")
    axes = figure.add_subplot(1, 2, 1) if exchanges else figure.add_subplot()
    for run, color in zip(study.runs, ("black", *COLORS * 9), strict=False):
        style = {"lw": 2.2} if run is study.judged_run else {"lw": 1.2}
        axes.plot(run.steps, run.losses, color=color, label=run.name, **style)
    axes.axhline(
        study.target, color=GREY, lw=0.8, ls="--", label=f"target {numbers.number(study.target, 3)}"
    )
    _log_if_positive(axes, [loss for run in study.runs for loss in run.losses])
    axes.set_xlabel("steps (optimizer updates)")
    axes.set_ylabel("loss on the probe set")
    axes.legend(fontsize=8)
    if exchanges:
        bars = figure.add_subplot(1, 2, 2)
        names = [", ".join(e.columns)[:24] for e in exchanges]
        guilty = [set(e.columns) <= set(study.culprits) for e in exchanges]
        factors = [e.factor for e in exchanges]
        colors = [RED if g else GREY for g in guilty]
        bars.barh(names, factors, height=0.6, color=colors)
        bars.set_ylim(-0.7, max(len(names), 5) - 0.3)
        bars.axvline(1 + study.tolerance, color="black", lw=1, ls="--", label="tolerated")
        bars.invert_yaxis()
        bars.set_xscale("log")
        bars.set_xlim(left=0.8 * min(1.0, *factors))
        _plain_numbers(bars.xaxis)
        bars.set_xlabel("loss over that of the reference with\nthese columns alone (red: at fault)")
        bars.legend(fontsize=8)
    return figure


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
    _log_if_positive(axes, [v for found in points.values() for _, values in found for v in values])
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
    _legend_beside(axes)
    return figure


def _columns(report: DataReport) -> Any:
    """The scale of every column on a logarithmic axis."""
    columns = report.columns[:MOST_COLUMNS]
    figure = _new_figure(8, max(2.4, 1.4 + 0.24 * len(columns)), f"feature scales: {report.test}")
    axes = figure.add_subplot()
    found = {name for finding in report.findings for name in finding.columns}
    rows = range(len(columns))
    sizes = [(c.deviation, abs(c.mean), max(abs(c.low), abs(c.high))) for c in columns]
    marks = [
        ("standard deviation", "o", BLUE),
        ("|mean|", "|", ORANGE),
        ("largest |value|", ">", GREY),
    ]
    for index, (label, marker, color) in enumerate(marks):
        points = [
            (size[index], row) for size, row in zip(sizes, rows, strict=True) if size[index] > 0
        ]
        if points:
            axes.scatter(
                *zip(*points, strict=True), marker=marker, color=color, label=label, zorder=3
            )
    axes.axvspan(0.05, 6.0, color=GREEN, alpha=0.12, lw=0, label="suits a network")
    axes.set_xscale("log")
    axes.set_yticks(list(rows), [_column_label(c) for c in columns], fontsize=8)
    for tick, column in zip(axes.get_yticklabels(), columns, strict=True):
        tick.set_color(RED if column.name in found else "black")
    axes.invert_yaxis()
    axes.grid(axis="y", lw=0.3)
    axes.set_xlabel("size in the unit of the column (columns with findings in red)")
    _legend_beside(axes)
    return figure


def _column_label(column: ColumnProfile) -> str:
    name = column.name if len(column.name) <= 24 else f"{column.name[:23]}…"
    return name if column.kind == "continuous" else f"{name} ({column.kind})"
