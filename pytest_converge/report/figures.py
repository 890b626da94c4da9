"""Pictures by matplotlib, which comes with the extra `plots`.

No state of matplotlib is touched: figures are made without pyplot, and drawn by the canvas that
the suffix of the file asks for.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pytest_converge.core import numbers
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.surface import LossSurface
from pytest_converge.report.axes import (
    BLUE,
    COLORS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    legend_beside,
    log_if_positive,
    new_figure,
    plain_numbers,
)
from pytest_converge.report.training_figure import training_figure

__all__ = ["can_draw", "plot"]

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
            `preprocessing.check` returned.
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
    elif isinstance(subject, ConvergenceResult):
        figure = training_figure(subject, surface)
    else:
        raise TypeError(f"cannot draw {type(subject).__name__}; pass a result or a study")
    figure.savefig(Path(path), dpi=120)
    return Path(path)


def _rate_range(study: RateRange) -> Any:
    """Loss against learning rate, with the bracket."""
    figure = new_figure(8, 4.8, f"learning rates that pass: {study.test}")
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
        axes.axhline(study.max_loss, color=ORANGE, lw=1.2, label=f"max_loss {study.max_loss:g}")
    axes.axhline(study.initial_loss, color=GREY, lw=0.8, ls="--", label="initial loss")
    axes.set_xscale("log")
    if positive:
        axes.set_yscale("log")
        axes.set_ylim(top=top * 1.5)
        plain_numbers(axes.yaxis)
    name = "peak learning rate of the schedule" if study.scheduled else "learning rate"
    axes.set_xlabel(f"{name} (per update)")
    axes.set_ylabel(f"loss after {study.steps} steps")
    legend_beside(axes)
    return figure


def _comparison(study: PipelineComparison) -> Any:
    """Loss against steps on each pipeline, and what columns do to the reference."""
    exchanges = [e for e in study.exchanges[:MOST_BARS] if math.isfinite(e.factor)]
    figure = new_figure(10 if exchanges else 7, 4.5, f"pipelines compared: {study.test}")
    axes = figure.add_subplot(1, 2, 1) if exchanges else figure.add_subplot()
    for run, color in zip(study.runs, ("black", *COLORS * 9), strict=False):
        style = {"lw": 2.2} if run is study.judged_run else {"lw": 1.2}
        axes.plot(run.steps, run.losses, color=color, label=run.name, **style)
    axes.axhline(study.target, color=GREY, lw=0.8, ls="--", label=f"target {study.target:.3g}")
    log_if_positive(axes, [loss for run in study.runs for loss in run.losses])
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
        plain_numbers(bars.xaxis)
        bars.set_xlabel("loss over that of the reference with\nthese columns alone (red: at fault)")
        bars.legend(fontsize=8)
    return figure


def _columns(report: DataReport) -> Any:
    """The scale of every column on a logarithmic axis."""
    columns = report.columns[:MOST_COLUMNS]
    figure = new_figure(8, max(2.4, 1.4 + 0.24 * len(columns)), f"feature scales: {report.test}")
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
    legend_beside(axes)
    return figure


def _column_label(column: ColumnProfile) -> str:
    name = column.name if len(column.name) <= 24 else f"{column.name[:23]}…"
    return name if column.kind == "continuous" else f"{name} ({column.kind})"
