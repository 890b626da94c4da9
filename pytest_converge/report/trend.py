"""Trainings over several reports as text: a row each, and a row for each report below it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pytest_converge.core import numbers
from pytest_converge.core.trend import ReportedTraining, ReportedTrend, ReportName
from pytest_converge.report.layout import cut, elide_node_id, ellipsis, printable
from pytest_converge.report.sparkline import sparkline
from pytest_converge.report.summary import Segment
from pytest_converge.report.table import Column, Table

__all__ = ["overview_lines", "trend_lines"]

INDENT = "  "
#: Cells below which a test's name or what became of it says too little.
TEST_WIDTH, OUTCOME_WIDTH, CURVE_WIDTH = 20, 12, 8
#: Hexadecimal digits by which people name a commit.
SHORT_COMMIT = 10


def overview_lines(
    trends: Sequence[ReportedTrend], reports: Sequence[ReportName], *, width: int, unicode: bool
) -> list[list[Segment]]:
    """A row for each training: the losses, the first and the last, and what became of it.

    Args:
        trends: in the order of the rows.
        reports: in the order of time.
        width: cells of the terminal, at least 20.
        unicode: text beyond ASCII.
    """
    mark = ellipsis(unicode)
    names = [_name(trend, unicode) for trend in trends]
    losses = [[each.final_loss for each in trend.known] for trend in trends]
    outcomes = [printable(_course(trend.trainings), unicode) for trend in trends]
    columns = (
        Column(
            title="test",
            least=TEST_WIDTH,
            usual=2 * TEST_WIDTH,
            most=max(map(len, names), default=0),
            draw=lambda size: [elide_node_id(name, size, mark=mark) for name in names],
        ),
        Column(
            title="losses",
            gives_way=1,
            least=CURVE_WIDTH,
            usual=2 * CURVE_WIDTH,
            most=len(reports),
            draw=lambda size: [sparkline(each, size, unicode) for each in losses],
        ),
        Column(
            title="first",
            cells=[numbers.loss(each[0]) for each in losses],
            right=True,
            gives_way=2,
        ),
        Column(
            title="last",
            cells=[numbers.loss(each[-1]) for each in losses],
            right=True,
            gives_way=3,
        ),
        Column(title="outcome", cells=outcomes, least=OUTCOME_WIDTH),
    )
    titles, *rows = Table(columns=columns).rows(width, unicode)
    lines = [[Segment(text, ("bold",)) for text in titles]]
    for trend, (*texts, outcome) in zip(trends, rows, strict=True):
        said = Segment(outcome, _colour(failing=trend.failing))
        lines.append([*(Segment(text) for text in texts), said])
    head = cut(printable(_span(reports), unicode), width, mark=mark)
    return [[Segment(head)], *lines]


def trend_lines(
    trend: ReportedTrend, reports: Sequence[ReportName], *, width: int, unicode: bool
) -> list[list[Segment]]:
    """The name of a training, and a row for each report that has it."""
    pairs = [
        (report, each)
        for report, each in zip(reports, trend.trainings, strict=True)
        if each is not None
    ]
    columns = (
        Column(title="date", cells=[_date(report) for report, _ in pairs], gives_way=2),
        Column(
            title="commit",
            cells=[report.commit[:SHORT_COMMIT] for report, _ in pairs],
            gives_way=4,
        ),
        Column(
            title="final",
            cells=[numbers.loss(each.final_loss) for _, each in pairs],
            right=True,
            gives_way=3,
        ),
        Column(
            title="outcome",
            cells=[printable(each.outcome, unicode) for _, each in pairs],
            least=OUTCOME_WIDTH,
        ),
        Column(
            title="report",
            cells=[printable(report.name, unicode) for report, _ in pairs],
            least=OUTCOME_WIDTH,
            gives_way=1,
        ),
    )
    name = elide_node_id(_name(trend, unicode), width, mark=ellipsis(unicode))
    titles, *rows = Table(columns=columns).lines(width - len(INDENT), unicode)
    lines = [[Segment(name, ("bold",))], [Segment(INDENT + titles, ("bold",))]]
    return [*lines, *([Segment(INDENT + row)] for row in rows)]


def _name(trend: ReportedTrend, unicode: bool) -> str:
    number = f" #{trend.number}" if trend.number > 1 else ""
    return printable(trend.test, unicode) + number


def _course(trainings: Sequence[ReportedTraining | None]) -> str:
    """`passed`, or `3 passed, 2 plateau`: what became of it, and in how many reports in a row."""
    outcomes = ["absent" if each is None else each.outcome for each in trainings]
    runs = [(outcome, len([*group])) for outcome, group in itertools.groupby(outcomes)]
    if len(runs) == 1:
        return runs[0][0]
    return ", ".join(f"{count} {outcome}" for outcome, count in runs)


def _span(reports: Sequence[ReportName]) -> str:
    """`4 reports, 2026-01-28 1234567890 to 2026-01-31 abcdef0123`."""
    ends = [
        " ".join(filter(None, (_date(report), report.commit[:SHORT_COMMIT])))
        for report in (reports[0], reports[-1])
    ]
    said = numbers.counted(len(reports), "report")
    return f"{said}, {numbers.change(*ends)}" if all(ends) else said


def _date(report: ReportName) -> str:
    return report.created.partition("T")[0]


def _colour(*, failing: bool) -> tuple[str, ...]:
    return ("red", "bold") if failing else ("green",)
