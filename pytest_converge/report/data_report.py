"""What `preprocessing.check` saw, as a table: a row a column, those with findings first."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.report.findings import findings_lines, first_line
from pytest_converge.report.layout import cut, cut_middle, ellipsis, printable, wrap
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["data_report_lines"]

COLUMNS = (
    Column(title="kind", gives_way=4),
    Column(title="mean", right=True, gives_way=5),
    Column(title="std", right=True, gives_way=6),
    Column(title="min", right=True, gives_way=1),
    Column(title="max", right=True, gives_way=2),
    Column(title="missing", right=True, gives_way=3),
    Column(title="finding"),
)
#: Rows of the table; the rest is counted.
MOST_ROWS = 16
#: Cells of a name at most, and where other columns need the room.
NAME, SHORT_NAME = 24, 14
#: Significant digits: enough to compare columns.
DIGITS = 3
#: A mean this small against the spread is rounding.
ROUNDING = 1e-9
#: Cells of the labels below the table.
LABEL = 9
#: Classes listed one by one.
MOST_CLASSES = 12


def data_report_lines(report: DataReport, width: int, unicode: bool) -> list[str]:
    """The lines of a report, each at most `width` cells wide where that is 30 or more."""
    head = "preprocessing.check: "
    shape = f"{report.rows} rows of {numbers.counted(report.width, 'column')}"
    if report.passed:
        lines = wrap(f"{head}{shape}, nothing found", width)
    else:
        lines = wrap(head + first_line(report, max(width - len(head), 30)), width, rest="  ")
        lines += findings_lines(report.findings, width, unicode)
    lines += _table(report, width, unicode)
    facts = [(name, printable(text, unicode)) for name, text in _facts(report, shape)]
    lines += fact_lines(facts, width, LABEL)
    return [cut(line, width, mark=ellipsis(unicode)) for line in lines]


def _table(report: DataReport, width: int, unicode: bool) -> list[str]:
    codes: dict[str, list[str]] = {}
    for found in report.findings:
        for name in found.columns:
            codes.setdefault(name, []).append(found.code)
    ordered = sorted(report.columns, key=lambda column: column.name not in codes)
    mark, shown = ellipsis(unicode), ordered[:MOST_ROWS]
    names = [cut_middle(printable(column.name, unicode), NAME, mark=mark) for column in shown]
    rows = []
    for column in shown:
        first, *others = codes.get(column.name, [""])
        rows.append([*_cells(column), first + (f" +{len(others)}" if others else "")])

    def shortened(size: int) -> list[str]:
        return [cut_middle(name, size, mark=mark) for name in names]

    labels = Column(title="column", cells=names, least=SHORT_NAME, draw=shortened)
    wanted = [each for each in Table.of(COLUMNS, rows).columns if not _is_idle(each, report)]
    lines = Table(columns=(labels, *wanted)).lines(width, unicode)
    left_out = len(ordered) - MOST_ROWS + (report.width - _features(report))
    if left_out > 0:
        lines.append(f"and {numbers.counted(left_out, 'more column')}")
    return lines


def _is_idle(column: Column, report: DataReport) -> bool:
    """True for a column of the table that would say nothing."""
    if column.title == "missing":
        return not any(each.missing + each.infinite for each in report.columns)
    return column.title == "finding" and report.passed


def _features(report: DataReport) -> int:
    """Columns in the report, as far as they are not of the targets."""
    return min(len(report.columns), report.width)


def _cells(column: ColumnProfile) -> list[str]:
    if column.kind in {"text", "dates", "empty"} or (
        column.kind == "categorical" and column.dtype == "category"
    ):
        counts = ["", "", "", ""]
    else:
        mean = 0.0 if abs(column.mean) < ROUNDING * column.deviation else column.mean
        values = (mean, column.deviation, column.low, column.high)
        counts = [_number(value) for value in values]
    gone = column.missing + column.infinite
    share = numbers.share(gone / max(column.values, 1)) if gone else "0"
    return [column.kind, *counts, share]


def _number(value: float) -> str:
    """Three significant digits, thousands in full."""
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e5 else numbers.number(value, DIGITS)


def _facts(report: DataReport, shape: str) -> Iterator[tuple[str, str]]:
    if not report.passed:
        yield "data", shape
    if report.task:
        text = {"classes": "classes", "one-hot": "one-hot classes", "labels": "labels"}
        said = text.get(report.task, "values")
        if report.classes:
            classes = [f"{label}: {rows}" for label, rows in report.classes]
            said += f", rows of each {numbers.listed(classes, MOST_CLASSES)}"
        yield "targets", said
    yield "took", numbers.seconds(report.seconds)
