"""Several preparations of the features as a table: a row each, and the columns at fault."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.pipeline_comparison import PipelineComparison, PipelineRun
from pytest_converge.report.layout import cut, ellipsis, fill, printable
from pytest_converge.report.sparkline import sparkline
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["comparison_lines", "failure"]

#: Room for the first line behind the name of the error, on 80 columns.
FIRST_LINE = 80 - len("PreprocessingError: ")
WIDTH = 80
CURVE = 16
#: Cells of a pipeline's name.
MOST_NAME = 24
#: Groups of columns that are listed one by one.
MOST_LISTED = 8


def verdict(study: PipelineComparison) -> str:
    """The outcome in one sentence."""
    run, reference = study.judged_run, study.reference.name
    if math.isinf(run.factor):
        return f"{run.name} does not stay finite, {reference} does"
    worse = f"{run.name} converges {numbers.factor(run.factor)} worse than {reference}"
    if not study.passed:
        return worse
    if run.factor > 1.05:
        return f"{worse}, within {numbers.factor(1 + study.tolerance)}"
    return f"{run.name} converges as well as {reference}"


def failure(study: PipelineComparison) -> str:
    """What is wrong, in at most six lines; the first stands alone."""
    first = verdict(study)
    if len(first) > FIRST_LINE:
        factor = numbers.factor(study.judged_run.factor)
        first = f"{study.judged[:20]} converges {factor} worse"
    losses = ", ".join(f"{run.name} {numbers.loss(run.final_loss)}" for run in study.runs)
    lines = [f"final loss: {losses}"]
    if study.obstacle:
        lines.append(f"columns not exchanged: {study.obstacle}")
    elif study.culprits:
        lines.append(f"because of {numbers.listed(study.culprits, 4)}")
        if study.mended is not None:
            mended = numbers.factor(study.mended)
            lines.append(f"with the reference's in their place {mended}")
    shown = [cut(line, WIDTH, mark="...") for line in lines]
    return "\n".join([first, *shown, f"reproduce: {shlex.join(['pytest', study.test])}"])


def comparison_lines(study: PipelineComparison, width: int, unicode: bool) -> list[str]:
    """The lines of a comparison, each at most `width` cells wide."""
    mark = ellipsis(unicode)
    head = printable(f"preprocessing.compare: {verdict(study)}", unicode)
    lines = [cut(head, width, mark=mark), *_table(study, width, unicode)]
    facts = [(name, printable(text, unicode)) for name, text in _facts(study)]
    return lines + fact_lines(facts, width)


def _table(study: PipelineComparison, width: int, unicode: bool) -> list[str]:
    rows = []
    for run in study.runs:
        own = "> " if run is study.judged_run else ""
        name = cut(own + printable(run.name, unicode), MOST_NAME, mark=ellipsis(unicode))
        curve = sparkline(run.losses, CURVE, unicode)
        factor = "" if run is study.reference else numbers.factor(run.factor)
        rows.append([name, curve, numbers.loss(run.final_loss), factor, _step(run)])
    columns = (
        Column(title="pipeline"),
        Column(title="loss", gives_way=1),
        Column(title="final", right=True),
        Column(title="worse by", right=True),
        Column(title=f"steps to {numbers.number(study.target, 3)}", right=True, gives_way=2),
    )
    return Table.of(columns, rows).lines(width, unicode)


def _step(run: PipelineRun) -> str:
    return "never" if run.step is None else f"{math.ceil(run.step)}"


def _facts(study: PipelineComparison) -> Iterator[tuple[str, str]]:
    if study.obstacle:
        yield "columns", f"not exchanged: {study.obstacle}"
    elif study.culprits:
        mended = "" if study.mended is None else numbers.factor(study.mended)
        text = f"{', '.join(study.culprits)}; with the reference's in their place {mended}"
        yield "because of", text
        listed = [
            f"{', '.join(exchange.columns)} {numbers.factor(exchange.factor)}"
            for exchange in study.exchanges[:MOST_LISTED]
        ]
        for index, line in enumerate(fill(listed, 10_000)):
            yield ("alone" if not index else ""), f"in the reference: {line}"
    starts, limit = len(study.reference.final_losses), numbers.factor(1 + study.tolerance)
    steps = numbers.counted(study.steps, "step")
    yield "expected", f"{steps}; fails beyond {limit} from each of {starts} starts"
    yield "time", numbers.seconds(study.seconds)
