"""Several preparations of the features as a table: a row each, and the columns at fault."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_converge.core.pipeline_comparison import PipelineComparison, PipelineRun
from pytest_converge.core.rate_words import factor_text
from pytest_converge.report import numbers
from pytest_converge.report.layout import (
    cell_width,
    columns_that_fit,
    cut,
    ellipsis,
    fill,
    pad,
    printable,
    wrap,
)
from pytest_converge.report.sparkline import sparkline

__all__ = ["comparison_lines"]

GAP = 2
CURVE = 16
#: Cells of a pipeline's name.
MOST_NAME = 24
#: The order in which columns give way on a narrow terminal.
DROPPED = (1, 4)
RIGHT = frozenset({2, 3, 4})
#: Groups of columns that are listed one by one.
MOST_LISTED = 8


def comparison_lines(study: PipelineComparison, width: int, unicode: bool) -> list[str]:
    """The lines of a comparison, each at most `width` cells wide.

    Args:
        study: the comparison.
        width: cells of a line, at least 30.
        unicode: text beyond ASCII.
    """
    mark = ellipsis(unicode)
    head = printable(f"preprocessing.compare: {study.verdict()}", unicode)
    lines = [cut(head, width, mark=mark), *_table(study, width, unicode)]
    facts = list(_facts(study))
    indent = max(len(name) for name, _ in facts) + GAP
    for name, text in facts:
        shown = printable(text, unicode)
        lines += wrap(shown, width, first=pad(name, indent), rest=" " * indent)
    return lines


def _table(study: PipelineComparison, width: int, unicode: bool) -> list[str]:
    mark = ellipsis(unicode)
    target = f"steps to {numbers.short(study.target, 3)}"
    rows = [["pipeline", "loss", "final", "worse by", target]]
    for run in study.runs:
        own = "> " if run is study.judged_run else ""
        name = cut(own + printable(run.name, unicode), MOST_NAME, mark=mark)
        curve = sparkline(run.losses, CURVE, unicode)
        factor = "" if run is study.reference else factor_text(run.factor)
        rows.append([name, curve, numbers.loss(run.final_loss), factor, _step(run)])
    sizes = [max(cell_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    kept = columns_that_fit(sizes, DROPPED, width, gap=GAP)
    cells = [[pad(row[i], sizes[i], right=i in RIGHT) for i in kept] for row in rows]
    return [cut((" " * GAP).join(row).rstrip(), width, mark=mark) for row in cells]


def _step(run: PipelineRun) -> str:
    return "never" if run.step is None else f"{math.ceil(run.step)}"


def _facts(study: PipelineComparison) -> Iterator[tuple[str, str]]:
    if study.obstacle:
        yield "columns", f"not exchanged: {study.obstacle}"
    elif study.culprits:
        mended = "" if study.mended is None else factor_text(study.mended)
        text = f"{', '.join(study.culprits)}; with the reference's in their place {mended}"
        yield "because of", text
        listed = [
            f"{', '.join(exchange.columns)} {factor_text(exchange.factor)}"
            for exchange in study.exchanges[:MOST_LISTED]
        ]
        for index, line in enumerate(fill(listed, 10_000)):
            yield ("alone" if not index else ""), f"in the reference: {line}"
    starts, limit = len(study.reference.final_losses), factor_text(1 + study.tolerance)
    steps = numbers.counted(study.steps, "step")
    yield "expected", f"{steps}; fails beyond {limit} from each of {starts} starts"
    yield "time", numbers.seconds(study.seconds)
