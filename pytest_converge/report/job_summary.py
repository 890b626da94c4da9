"""The Markdown page of a session: what failed first, with its message, then everything else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.failed_test import FailedTest
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report.layout import elide_node_id, ellipsis, printable
from pytest_converge.report.markdown import code_block, code_span, table_rows
from pytest_converge.report.studies import outcome, study_summary
from pytest_converge.report.summary import summary_lines, summary_table
from pytest_converge.report.table import Column, Table

__all__ = ["job_summary"]

#: GitHub refuses a summary above 1 MiB. A row takes at most some 700 bytes with its curve and a
#: long id, so that 300 of each of three tables and 50 messages stay below three quarters of it.
MOST_ROWS, MOST_MESSAGES = 300, 50
#: Lines and characters of a message: those of the plugin are shorter, of the tests' own are not.
MOST_LINES, MOST_CHARACTERS = 40, 4000
#: Cells of a row: the whole id of nearly every test.
WIDTH = 200


def job_summary(
    results: Sequence[ConvergenceResult],
    studies: Sequence[Study],
    failed: Sequence[FailedTest],
    *,
    expected: Collection[str] = (),
    caught: Collection[str] = (),
) -> str:
    """The page; empty where there was neither a training, nor a study, nor a failure.

    Args:
        results: every training of the session.
        studies: every study.
        failed: every failure of a convergence test.
        expected: ids of tests that failed as their mark says.
        caught: ids of tests that passed: where a training of theirs failed, they went on.
    """
    lines = list(_tallies(results, studies, expected, caught))
    if not lines and not failed:
        return ""
    ordered = sorted(results, key=lambda result: (result.test, result.number))
    short = [result for result in ordered if not result.passed]
    lines += _trainings("", short, ordered)
    for failure in failed[:MOST_MESSAGES]:
        lines += ["", f"### {code_span(printable(failure.name, unicode=True))}", ""]
        lines += code_block(_cut(failure.message))
    lines += _left_out(len(failed) - MOST_MESSAGES, "failure")
    lines += _studies(studies)
    lines += _trainings("converged", [result for result in ordered if result.passed], ordered)
    return "\n".join(["## Convergence", *lines, ""])


def _tallies(
    results: Sequence[ConvergenceResult],
    studies: Sequence[Study],
    expected: Collection[str],
    caught: Collection[str],
) -> Iterator[str]:
    """The last lines of the terminal's summary."""
    said = {"expected": expected, "caught": caught}
    for lines in (
        summary_lines(results, width=10**4, verbosity=-1, unicode=True, **said),
        study_summary(studies, width=10**4, verbosity=-1, unicode=True, **said),
    ):
        for line in lines[-1:]:
            yield ""
            yield "".join(segment.text for segment in line).partition(": ")[2]


def _trainings(
    folded: str, shown: Sequence[ConvergenceResult], results: Sequence[ConvergenceResult]
) -> list[str]:
    """Their rows, below a line to open them where they are folded under a word."""
    if not shown:
        return []
    table = summary_table(shown[:MOST_ROWS], results, unicode=True)
    rows = ["", *table_rows(table, WIDTH, spans=("test", "verdict"))]
    rows += _left_out(len(shown) - MOST_ROWS, "training")
    if not folded:
        return rows
    title = f"{numbers.counted(len(shown), 'training')} {folded}"
    return ["", f"<details><summary>{title}</summary>", *rows, "", "</details>"]


def _studies(studies: Sequence[Study]) -> list[str]:
    if not studies:
        return []
    ordered = sorted(studies, key=lambda each: (each.passed, each.test, each.number))
    shown = ordered[:MOST_ROWS]
    names = [printable(each.test, unicode=True) for each in shown]
    columns = (
        Column(
            title="test",
            cells=[elide_node_id(name, WIDTH // 2, mark=ellipsis(unicode=True)) for name in names],
        ),
        Column(title="study", cells=[each.kind for each in shown]),
        Column(title="verdict", cells=["passed" if each.passed else "failed" for each in shown]),
        Column(title="outcome", cells=[outcome(each, unicode=True) for each in shown], least=20),
    )
    rows = table_rows(Table(columns=columns), WIDTH, spans=("test", "verdict"))
    return ["", *rows, *_left_out(len(ordered) - MOST_ROWS, "study")]


def _left_out(count: int, noun: str) -> list[str]:
    if count < 1:
        return []
    return ["", f"{numbers.counted(count, f'more {noun}').replace('studys', 'studies')} left out."]


def _cut(message: str) -> str:
    lines = message.splitlines()
    kept = "\n".join(lines[:MOST_LINES])[:MOST_CHARACTERS]
    return kept if kept == "\n".join(lines) else f"{kept}\n{ellipsis(unicode=True)}"
