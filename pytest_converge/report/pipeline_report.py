"""What `preprocessing.fit_once` tried, as a table: a row a trial."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_converge.core import numbers
from pytest_converge.core.pipeline_report import PipelineReport, PipelineTrial
from pytest_converge.report.findings import findings_lines, first_line
from pytest_converge.report.layout import (
    cell_width,
    columns_that_fit,
    cut,
    ellipsis,
    pad,
    printable,
    wrap,
)

__all__ = ["pipeline_report_lines"]

GAP = 2
TITLES = ("tried", "outcome", "largest", "rows", "columns")
RIGHT = frozenset({2, 3})
#: The order in which columns give way on a narrow terminal.
DROPPED = (3, 2, 4)
#: Columns named in a row of the table.
MOST_NAMES = 3


def pipeline_report_lines(report: PipelineReport, width: int, unicode: bool) -> list[str]:
    """The lines of a report, each at most `width` cells wide where that is 30 or more.

    Args:
        report: the report.
        width: cells of a line.
        unicode: text beyond ASCII.
    """
    head = "preprocessing.fit_once: "
    if report.passed:
        lines = wrap(f"{head}{report.pipeline}: nothing found", width, rest="  ")
    else:
        lines = wrap(head + first_line(report, max(width - len(head), 30)), width, rest="  ")
        lines += findings_lines(report.findings, width, unicode)
    lines += _table(report.trials, width, unicode)
    train, other = report.rows
    features = numbers.counted(len(report.features), "feature")
    seconds = numbers.seconds(report.seconds)
    lines += wrap(f"{train} training rows, {other} other rows, {features}, {seconds}", width)
    return [cut(line, width, mark=ellipsis(unicode)) for line in lines]


def _table(trials: Sequence[PipelineTrial], width: int, unicode: bool) -> list[str]:
    rows = [list(TITLES), *(_cells(trial, unicode) for trial in trials)]
    sizes = [max(cell_width(row[i]) for row in rows) for i in range(len(TITLES))]
    # What was not tried says why in the last column, which may be cut.
    needed = [*sizes[:4], min(sizes[4], 20)]
    kept = columns_that_fit(needed, DROPPED, width, gap=GAP)
    mark = ellipsis(unicode)
    return [
        cut(
            (" " * GAP).join(pad(row[i], sizes[i], right=i in RIGHT) for i in kept).rstrip(),
            width,
            mark=mark,
        )
        for row in rows
    ]


def _cells(trial: PipelineTrial, unicode: bool) -> list[str]:
    found = trial.difference
    if found is None:
        return [trial.what, trial.outcome, "", "", printable(trial.why_not, unicode)]
    if not trial.failed:
        return [trial.what, trial.outcome, "", "", ""]
    names = trial.columns or found.columns
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    where = ", ".join(names[:MOST_NAMES]) + more or found.problem
    size = numbers.loss(found.largest) if found.columns else ""
    rows = f"{found.rows} of {found.compared}" if found.columns else ""
    return [trial.what, trial.outcome, size, rows, printable(where, unicode)]
