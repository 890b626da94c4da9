"""What `preprocessing.check` saw, as a table: a row a column, those with findings first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.report.findings import findings_lines, first_line
from pytest_converge.report.layout import (
    cell_width,
    columns_that_fit,
    cut,
    cut_middle,
    ellipsis,
    pad,
    printable,
    wrap,
)

__all__ = ["data_report_lines"]

GAP = 2
TITLES = ("column", "kind", "mean", "std", "min", "max", "missing", "finding")
RIGHT = frozenset({2, 3, 4, 5, 6})
#: The order in which columns give way on a narrow terminal.
DROPPED = (4, 5, 6, 1, 2, 3)
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
    """The lines of a report, each at most `width` cells wide where that is 30 or more.

    Args:
        report: the report.
        width: cells of a line.
        unicode: text beyond ASCII.
    """
    head = "preprocessing.check: "
    shape = f"{report.rows} rows of {numbers.counted(report.width, 'column')}"
    if report.passed:
        lines = wrap(f"{head}{shape}, nothing found", width)
    else:
        lines = wrap(head + first_line(report, max(width - len(head), 30)), width, rest="  ")
        lines += findings_lines(report.findings, width, unicode)
    lines += _table(report, width, unicode)
    for name, text in _facts(report, shape):
        lines += wrap(printable(text, unicode), width, first=pad(name, LABEL), rest=" " * LABEL)
    return [cut(line, width, mark=ellipsis(unicode)) for line in lines]


def _table(report: DataReport, width: int, unicode: bool) -> list[str]:
    codes: dict[str, list[str]] = {}
    for found in report.findings:
        for name in found.columns:
            codes.setdefault(name, []).append(found.code)
    ordered = sorted(report.columns, key=lambda column: column.name not in codes)
    mark = ellipsis(unicode)
    rows = [list(TITLES)]
    for column in ordered[:MOST_ROWS]:
        name = cut_middle(printable(column.name, unicode), NAME, mark=mark)
        first, *others = codes.get(column.name, [""])
        rows.append([name, *_cells(column), first + (f" +{len(others)}" if others else "")])
    sizes = [max(cell_width(row[i]) for row in rows) for i in range(len(TITLES))]
    wanted = [i for i in range(len(TITLES)) if not _is_idle(i, report)]
    needed = sum(sizes[i] for i in wanted) + GAP * (len(wanted) - 1)
    sizes[0] = max(min(sizes[0], SHORT_NAME), sizes[0] - max(needed - width, 0))
    for row in rows:
        row[0] = cut_middle(row[0], sizes[0], mark=mark)
    drop = [wanted.index(i) for i in DROPPED if i in wanted]
    places = columns_that_fit([sizes[i] for i in wanted], drop, width, gap=GAP)
    kept = [wanted[place] for place in places]
    lines = [_line(row, sizes, kept, width, mark) for row in rows]
    left_out = len(ordered) - MOST_ROWS + (report.width - _features(report))
    if left_out > 0:
        lines.append(f"and {numbers.counted(left_out, 'more column')}")
    return lines


def _is_idle(index: int, report: DataReport) -> bool:
    """True for a column of the table that would say nothing."""
    if TITLES[index] == "missing":
        return not any(column.missing + column.infinite for column in report.columns)
    return TITLES[index] == "finding" and report.passed


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


def _line(
    row: Sequence[str], sizes: Sequence[int], kept: Sequence[int], width: int, mark: str
) -> str:
    cells = [pad(row[i], sizes[i], right=i in RIGHT) for i in kept]
    return cut((" " * GAP).join(cells).rstrip(), width, mark=mark)


def _facts(report: DataReport, shape: str) -> Iterator[tuple[str, str]]:
    if not report.passed:
        yield "data", shape
    if report.task:
        text = {"classes": "classes", "one-hot": "one-hot classes", "labels": "labels"}
        said = text.get(report.task, "values")
        if report.classes:
            shown = [f"{label}: {rows}" for label, rows in report.classes[:MOST_CLASSES]]
            more = len(report.classes) - len(shown)
            said += f", rows of each {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")
        yield "targets", said
    yield "took", numbers.seconds(report.seconds)
