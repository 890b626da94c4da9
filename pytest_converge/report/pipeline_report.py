"""What `preprocessing.fit_once` tried, as a table: a row a trial."""

from __future__ import annotations

from pytest_converge.core import numbers
from pytest_converge.core.pipeline_report import PipelineReport, PipelineTrial
from pytest_converge.report.findings import findings_lines, first_line
from pytest_converge.report.layout import cut, ellipsis, printable, wrap
from pytest_converge.report.table import Column, Table

__all__ = ["pipeline_report_lines"]

COLUMNS = (
    Column(title="tried"),
    Column(title="outcome"),
    Column(title="largest", right=True, gives_way=2),
    Column(title="rows", right=True, gives_way=1),
    # What was not tried says why, which may be cut.
    Column(title="columns", gives_way=3, least=20),
)


def pipeline_report_lines(report: PipelineReport, width: int, unicode: bool) -> list[str]:
    """The lines of a report, each at most `width` cells wide where that is 30 or more."""
    head = "preprocessing.fit_once: "
    if report.passed:
        lines = wrap(f"{head}{report.pipeline}: nothing found", width, rest="  ")
    else:
        lines = wrap(head + first_line(report, max(width - len(head), 30)), width, rest="  ")
        lines += findings_lines(report.findings, width, unicode)
    rows = [_cells(trial, unicode) for trial in report.trials]
    lines += Table.of(COLUMNS, rows).lines(width, unicode)
    train, other = report.rows
    features = numbers.counted(len(report.features), "feature")
    seconds = numbers.seconds(report.seconds)
    lines += wrap(f"{train} training rows, {other} other rows, {features}, {seconds}", width)
    return [cut(line, width, mark=ellipsis(unicode)) for line in lines]


def _cells(trial: PipelineTrial, unicode: bool) -> list[str]:
    found = trial.difference
    if found is None:
        return [trial.what, trial.outcome, "", "", printable(trial.why_not, unicode)]
    if not trial.failed:
        return [trial.what, trial.outcome, "", "", ""]
    where = numbers.listed(trial.columns or found.columns) or found.problem
    size = numbers.loss(found.largest) if found.columns else ""
    rows = f"{found.rows} of {found.compared}" if found.columns else ""
    return [trial.what, trial.outcome, size, rows, printable(where, unicode)]
