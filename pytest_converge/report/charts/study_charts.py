"""The charts of a study; a kind that is all said by its table has none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.study import Study
from pytest_converge.report.charts.chart import Chart, Line, Mark, Stretch
from pytest_converge.report.charts.scale_chart import scale_chart

__all__ = ["small_points", "study_charts"]

#: Losses above so many initial ones are off the scale: how far a training diverges says nothing.
HIGHEST = 10.0
#: Columns and groups of columns that a chart has room for; those at fault come first.
MOST_COLUMNS, MOST_GROUPS = 40, 12
COLORS = ("--loss", "--bound", "--rate", "--norm", "--failed")


def study_charts(study: Study) -> Iterator[Chart]:
    """The charts of a study of any kind."""
    if isinstance(study, RateRange):
        yield _rates(study)
    elif isinstance(study, PipelineComparison):
        yield _pipelines(study)
        if study.exchanges:
            yield _exchanges(study)
    elif isinstance(study, DataReport) and study.columns:
        yield _scales(study)


def small_points(study: Study) -> tuple[tuple[float, float], ...]:
    """What a small curve shows of a study: loss by learning rate, or by step; else nothing."""
    if isinstance(study, RateRange):
        top = HIGHEST * study.initial_loss
        return tuple(
            (math.log(p.learning_rate), min(p.final_loss, top) if top > 0 else p.final_loss)
            for p in study.points
        )
    if isinstance(study, PipelineComparison):
        run = study.judged_run
        return tuple(zip(run.steps, run.losses, strict=True))
    return ()


def _rates(study: RateRange) -> Chart:
    """Final loss by learning rate, with the bracket and the margin that was demanded."""
    kinds = [
        ("passes", "circle", "--repair", [p for p in study.points if p.passed]),
        ("fails", "x", "--failed", [p for p in study.points if not p.passed and p.complete]),
        ("broken off", "x-thin-open", "--muted", [p for p in study.points if not p.complete]),
    ]
    x, y = [p.learning_rate for p in study.points], [p.final_loss for p in study.points]
    lines = [Line(name="loss", x=x, y=y, color="--muted", width=0.8, listed=False)]
    for name, symbol, color, points in kinds:
        if points:
            rates, losses = [p.learning_rate for p in points], [p.final_loss for p in points]
            texts = [f"at {numbers.rate(rate)}" for rate in rates]
            lines.append(Line(name=name, x=rates, y=losses, color=color, width=0, symbol=symbol,
                              texts=texts))  # fmt: skip
    lines += [
        Line(
            name=f"under {run.name}",
            x=[run.point.learning_rate],
            y=[run.point.final_loss],
            color=color,
            width=0,
            symbol="diamond",
        )
        for run, color in zip(study.schedules, itertools.cycle(COLORS), strict=False)
    ]
    marks = [Mark(axis="x", at=study.own, text=f"yours {numbers.rate(study.own)}", color="--text",
                  dash="solid")]  # fmt: skip
    if study.stability_limit is not None:
        text = f"stable below {numbers.rate(study.stability_limit)}"
        marks.append(Mark(axis="x", at=study.stability_limit, text=text, color="--norm"))
    if study.divergence is not None:
        text = f"diverges from {numbers.rate(study.divergence)}"
        marks.append(Mark(axis="x", at=study.divergence, text=text, color="--failed", dash="dot"))
    if study.max_loss is not None:
        text = f"max_loss {numbers.number(study.max_loss)}"
        marks.append(Mark(axis="y", at=study.max_loss, text=text, color="--bound"))
    marks.append(Mark(axis="y", at=study.initial_loss, text="initial loss", color="--muted",
                      dash="dot"))  # fmt: skip
    stretches = []
    if study.bracket is not None:
        low, high = study.bracket
        stretches.append(Stretch(text="passing", color="--pass-tint", low=low, high=high))
    if study.margin is not None:
        low, high = study.own / study.margin, study.own * study.margin
        margin = f"the {numbers.number(study.margin)}x that were demanded"
        ends = Stretch(text=margin, color="--failed", low=low, high=high, outlined=True)
        stretches.append(ends)
    return Chart(
        title="Learning rates that pass",
        x_title="peak learning rate of the schedule" if study.scheduled else "learning rate",
        y_title=f"loss after {numbers.counted(study.steps, 'step')}",
        lines=lines,
        marks=marks,
        stretches=stretches,
        log_x=True,
        top=HIGHEST * study.initial_loss if study.initial_loss > 0 else None,
        nearest=True,
    )


def _pipelines(study: PipelineComparison) -> Chart:
    colors = itertools.chain(["--text"], itertools.cycle(COLORS))
    lines = [
        Line(
            name=run.name,
            x=run.steps,
            y=run.losses,
            color=color,
            width=2.2 if run is study.judged_run else 1.2,
        )
        for run, color in zip(study.runs, colors, strict=False)
    ]
    text = f"target {numbers.number(study.target, 3)}"
    return Chart(
        title="The same training on each pipeline",
        y_title="loss on the probe set",
        lines=lines,
        marks=[Mark(axis="y", at=study.target, text=text, color="--muted", dash="dot")],
    )


def _exchanges(study: PipelineComparison) -> Chart:
    """How much worse the reference gets by each group of columns of the judged pipeline."""
    groups = [e for e in study.exchanges[:MOST_GROUPS] if math.isfinite(e.factor)]
    guilty = [e for e in groups if set(e.columns) <= set(study.culprits)]
    others = [e for e in groups if e not in guilty]
    lines = [
        Line(
            name=name,
            x=[e.factor for e in each],
            y=[", ".join(e.columns) for e in each],
            color=color,
            width=0,
            symbol="circle",
        )
        for name, color, each in [
            ("at fault", "--failed", guilty),
            ("of no harm", "--muted", others),
        ]
        if each
    ]
    names = [", ".join(e.columns) for e in groups]
    lines.append(Line(name="the reference", x=[1.0] * len(names), y=names, color="--text", width=0,
                      symbol="line-ns-open"))  # fmt: skip
    limit = 1 + study.tolerance
    return Chart(
        title="Columns one by one in the reference",
        x_title="loss over that of the reference",
        lines=lines,
        marks=[Mark(axis="x", at=limit, text=f"{numbers.factor(limit)} tolerated", color="--text")],
        log_x=True,
        nearest=True,
    )


def _scales(report: DataReport) -> Chart:
    """The size of every column, those with findings first."""
    found = {name for finding in report.findings for name in finding.columns}
    ordered = sorted(report.columns, key=lambda column: column.name not in found)
    columns = {_label(column): column for column in ordered[:MOST_COLUMNS]}
    return scale_chart(columns, found, report.width)


def _label(column: ColumnProfile) -> str:
    return column.name if column.kind == "continuous" else f"{column.name} ({column.kind})"
