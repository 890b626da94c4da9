"""The charts of a training: its loss beside its repair, what was tried, and what it is held to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.baseline import BaselineReport
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import diagnosis as words
from pytest_converge.report.charts.chart import Band, Chart, Line, Mark, Stretch
from pytest_converge.report.charts.scale_chart import scale_chart
from pytest_converge.report.charts.surface_chart import surface_chart
from pytest_converge.report.curve_summary import CurveSummary, summarised

__all__ = ["pictured_charts", "training_charts"]

#: Of what was tried, losses above so many initial ones are off the scale: how far a training
#: diverges says nothing.
HIGHEST = 10.0
HOW_TO_READ = "Blue is the training as it is; green ones pass. Point at a curve for its name."
ANOTHER_UNIT = "loss in another unit"


def training_charts(result: ConvergenceResult, *, points: int, rows: int) -> Iterator[Chart]:
    """The charts, those first that say most.

    Args:
        result: a training.
        points: the most points of a line of batches.
        rows: the most columns of the inputs.
    """
    diagnosis = result.diagnosis
    curve = result.curve.thinned(points)
    seen = summarised(result.curve)
    yield _loss(result, curve, seen)
    if diagnosis is not None and diagnosis.tried:
        yield _tried(result, diagnosis, seen)
    if result.baseline is not None and result.baseline.band:
        yield _baseline(result, result.baseline, curve)
    if result.surface is not None:
        yield surface_chart(result.surface)
    if curve.gradient_norm:
        line = Line(name="gradient norm", x=curve.steps, y=curve.gradient_norm, color="--norm")
        yield Chart(title="Gradient norm", y_title="global L2 norm", lines=[line], half=True)
    if len(set(curve.learning_rate)) > 1:
        line = Line(name="learning rate", x=curve.steps, y=curve.learning_rate, color="--rate")
        yield Chart(title="Learning rate", y_title="learning rate", lines=[line], half=True)
    if diagnosis is not None and diagnosis.bracket is not None:
        yield _bracket(diagnosis.bracket)
    scales = result.runs[0].record.input_scales
    if scales is not None:
        unsuitable = {column.name for column in scales.columns if column.unsuitable}
        columns = {column.name: column for column in scales.columns[:rows]}
        yield scale_chart(columns, unsuitable, scales.width)


def pictured_charts(result: ConvergenceResult, *, points: int) -> Iterator[Chart]:
    """Those that say most without a pointer.

    Args:
        result: a training.
        points: the most points of a line of batches.
    """
    curve = result.curve.thinned(points)
    yield _loss(result, curve, summarised(result.curve))
    if result.baseline is not None and result.baseline.band:
        yield _baseline(result, result.baseline, curve)
    if result.surface is not None:
        yield surface_chart(result.surface)


def _loss(result: ConvergenceResult, curve: LossCurve, seen: CurveSummary) -> Chart:
    """The curves of batches, probe set and other starts, the repair and the bounds."""
    record = result.shown_run.record
    repair = None if result.diagnosis is None else words.proof(result.diagnosis)
    lines = [
        Line(name=f"seed {run.record.seed}", x=steps, y=losses, color="--muted", width=0.8)
        for run in result.runs
        if run is not result.shown_run
        for steps, losses in [run.record.curve.trend]
    ]
    if record.probe_rows:
        lines.append(Line(name="loss of each batch", x=curve.steps, y=curve.batch_loss,
                          color="--batch", width=0.8))  # fmt: skip
        lines.append(Line(name="loss on the probe set", x=seen.steps, y=seen.losses,
                          color="--loss", width=2.2))  # fmt: skip
    else:
        lines.append(Line(name="loss", x=curve.steps, y=curve.batch_loss, color="--loss"))
    if repair is not None and repair.course:
        lines.append(_course(repair, f"with {repair.change}", "--repair", 2.2))
    note = "" if repair is None or repair.comparable else (
        f"{repair.change} gives the loss another unit, on the right: it passes by its skill."
    )  # fmt: skip
    marks = [*_bounds(result), *_failures(result)]
    return Chart(title="Loss", lines=lines, marks=marks, unit_title=ANOTHER_UNIT, note=note)


def _bounds(result: ConvergenceResult) -> Iterator[Mark]:
    bound, constant = result.expectation.max_loss, result.shown_run.record.constant_loss
    if bound is not None:
        text = f"max_loss {numbers.number(bound)}"
        yield Mark(axis="y", at=bound, text=text, color="--bound")
    if constant is not None and math.isfinite(constant):
        text = f"best constant {numbers.loss(constant)}"
        below = result.final_loss > constant
        yield Mark(axis="y", at=constant, text=text, color="--muted", dash="dot", below=below)


def _failures(result: ConvergenceResult) -> Iterator[Mark]:
    """Where it failed, as far as that was at a step."""
    steps: dict[int, str] = {}
    for finding in result.findings:
        step = finding.evidence.get("step")
        if finding.fails and isinstance(step, int):
            steps.setdefault(step, f"{finding.code}, step {step}")
    yield from (
        Mark(axis="x", at=step, text=text, color="--failed", dash="dot")
        for step, text in steps.items()
    )


def _course(trial: Trial, name: str, color: str, width: float, *, listed: bool = True) -> Line:
    x, y = zip(*trial.course, strict=True)
    dash = "dot" if trial.control else "solid"
    return Line(name=name, x=x, y=y, color=color, width=width, dash=dash, listed=listed,
                unit=not trial.comparable)  # fmt: skip


def _tried(result: ConvergenceResult, diagnosis: Diagnosis, seen: CurveSummary) -> Chart:
    """Every change in the unit of the failed run over it, with its name at the pointer."""
    trials = [trial for trial in words.all_trials(diagnosis) if trial.course]
    shown = [trial for trial in trials if trial.comparable]
    repair = words.proof(diagnosis)
    lines = [Line(name="as it is", x=seen.steps, y=seen.losses, color="--loss", width=2.2)]
    kinds = [
        ("asks a question", "--muted", [t for t in shown if t.control]),
        ("fails", "--muted", [t for t in shown if not t.control and not t.passed]),
        ("passes", "--repair", [t for t in shown if not t.control and t.passed]),
    ]
    for kind, color, of_kind in kinds:
        for trial in of_kind:
            best = repair is not None and trial.change == repair.change
            name = f"{trial.change}: {kind}"
            lines.insert(0, _course(trial, name, color, 2.2 if best else 1.0, listed=False))
    others = len(trials) - len(shown)
    said = f"{numbers.counted(others, 'change')} in another unit of loss: see the table."
    top = HIGHEST * seen.first if seen.first > 0 and math.isfinite(seen.first) else None
    return Chart(
        title="What was tried from the same start",
        lines=lines,
        marks=[*_bounds(result)][:1],
        top=top,
        nearest=True,
        note=f"{HOW_TO_READ} {said}" if others else HOW_TO_READ,
    )


def _baseline(result: ConvergenceResult, report: BaselineReport, curve: LossCurve) -> Chart:
    """The recorded runs as a band, and the new ones on it."""
    steps, low, middle, high = zip(*report.band, strict=True)
    recorded = report.commit[:12] or report.revision
    band = Band(text=f"recorded {recorded}".strip(), color="--band", x=steps, low=low, high=high)
    made: Sequence[tuple[str, Sequence[float], Sequence[float]]] = (
        [(f"seed {run.seed}", run.steps, run.losses) for run in report.obtained.runs]
        if report.obtained is not None
        else [(f"seed {result.runs[0].record.seed}", curve.steps, curve.batch_loss)]
    )
    lines = [
        Line(name="median recorded", x=steps, y=middle, color="--muted", width=2),
        *(Line(name=f"now, {name}", x=x, y=y, color="--loss", width=1.2) for name, x, y in made),
    ]
    return Chart(title="Beside its baseline", y_title="batch loss", lines=lines, bands=[band])


def _bracket(bracket: RateBracket) -> Chart:
    """The learning rates that pass, on one axis."""
    marks = [
        Mark(axis="x", at=bracket.own, text="yours", color="--failed"),
        Mark(axis="x", at=bracket.proposed, text="proposed", color="--repair"),
    ]
    if bracket.stability_limit is not None:
        marks.append(Mark(axis="x", at=bracket.stability_limit, text="stable below",
                          color="--muted", dash="dot"))  # fmt: skip
    rates = [*(mark.at for mark in marks), bracket.lowest, bracket.highest]
    names = [*(mark.text for mark in marks), "passes", "passes"]
    line = Line(name="rates", x=rates, y=[" "] * len(rates), color="--text", width=0,
                symbol="circle", texts=names, listed=False)  # fmt: skip
    return Chart(
        title="Learning rates that pass",
        x_title="learning rate",
        lines=[line],
        marks=marks,
        stretches=[
            Stretch(text="passing", color="--pass-tint", low=bracket.lowest, high=bracket.highest)
        ],
        log_x=True,
        half=True,
        nearest=True,
    )
