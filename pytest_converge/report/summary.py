"""The terminal summary: a row a training, and a tally."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_converge.core import numbers
from pytest_converge.core.finding import SHOWN_NOTES
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report import baseline_comparison
from pytest_converge.report import diagnosis as words
from pytest_converge.report.curve_summary import CurveSummary, starts_passed, summarised
from pytest_converge.report.layout import (
    cell_width,
    cut,
    elide_node_id,
    ellipsis,
    fill,
    printable,
)
from pytest_converge.report.sparkline import sparkline
from pytest_converge.report.table import Column, Table

__all__ = ["Segment", "Unmet", "summary_lines", "summary_table", "tally", "unmet"]

#: Cells below which a test's name says too little; other columns give way first.
TEST_WIDTH = 20
CURVE_WIDTH, MOST_CURVE = 8, 32
#: How far they grow on a wide terminal before the test's id takes all it needs.
USUAL_TEST, USUAL_CURVE = 40, 16


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line in one style.

    Attributes:
        text: what to write.
        markup: names that pytest's terminal writer takes as keywords, as `("red", "bold")`.
    """

    text: str
    markup: tuple[str, ...] = ()


def summary_lines(
    results: Sequence[ConvergenceResult],
    *,
    width: int,
    verbosity: int,
    unicode: bool,
    expected: Collection[str] = (),
    caught: Collection[str] = (),
) -> list[list[Segment]]:
    """The lines of the summary, each at most `width` cells wide; none without results.

    The order of `results` does not matter: rows are sorted by test, so that parallel runs give
    the same summary.

    Args:
        results: every training of the session.
        width: cells of the terminal, at least 10.
        verbosity: below -1 nothing, -1 the tally, 0 also failed trainings and those with a note on
            which a merge may hang or with other data than their baseline, 1 all of them, from 2
            also a line of probe numbers under each.
        unicode: block characters and other text beyond ASCII.
        expected: ids of tests that failed as their mark says.
        caught: ids of tests that passed: where a training of theirs failed, they went on.
    """
    if not results or verbosity < -1:
        return []
    ordered = sorted(results, key=lambda result: (result.test, result.number))
    wanted = frozenset(expected)
    shown = [
        result
        for result in ordered
        if verbosity >= 1 or _is_noteworthy(result) or not (result.passed or result.test in wanted)
    ]
    lines = []
    if verbosity >= 0 and shown:
        lines = _table(shown, ordered, width, verbosity, unicode, wanted.union(caught))
    return [*lines, [_tally(ordered, width, unicode, unmet(ordered, wanted, caught))]]


def summary_table(
    shown: Sequence[ConvergenceResult], results: Sequence[ConvergenceResult], *, unicode: bool
) -> Table:
    """The table of the summary with its whole verdicts, for other places than the terminal.

    Args:
        shown: a row each, in this order.
        results: every training of the session: a test with several has numbered rows.
        unicode: block characters and other text beyond ASCII.
    """
    names, verdicts = _names(shown, results, unicode), _verdicts(shown, unicode)
    return _columns(names, shown, [summarised(result.curve) for result in shown], verdicts, unicode)


def _is_noteworthy(result: ConvergenceResult) -> bool:
    """Whether there is something that is shown without being asked for."""
    other_data = result.baseline is not None and result.baseline.data
    return bool(other_data) or any(finding.code in SHOWN_NOTES for finding in result.findings)


def _is_recorded(result: ConvergenceResult) -> bool:
    """Whether it made a baseline that was not there."""
    return result.baseline is not None and result.baseline.action == "recorded"


def tally(said: str, *, failed: int, width: int, unicode: bool, besides: str = "") -> Segment:
    """The last line of a summary, in as many words as there is room for."""
    texts = (f"convergence: {said}{besides}", f"convergence: {said}", said)
    fitting = (text for text in texts if len(text) <= width)
    text = next(fitting, cut(said, width, mark=ellipsis(unicode)))
    return Segment(text, ("red", "bold") if failed else ("green",))


class Unmet(NamedTuple):
    """How many trainings or studies failed, by what became of their tests.

    Attributes:
        failed: whose tests failed.
        asked: whose tests failed as their mark says.
        caught: whose tests passed all the same.
    """

    failed: int
    asked: int
    caught: int

    def asides(self) -> str:
        """What a tally adds of those that turned nothing red."""
        texts = (
            f", {self.asked} failed as expected" if self.asked else "",
            f", {self.caught} failed in tests that passed" if self.caught else "",
        )
        return "".join(texts)


def unmet(
    items: Iterable[Study | ConvergenceResult],
    expected: Collection[str],
    caught: Collection[str] = (),
) -> Unmet:
    """How many failed, and of how many of them the tests did not."""
    tests = [item.test for item in items if not item.passed]
    asked = sum(test in expected for test in tests)
    went_on = sum(test in caught and test not in expected for test in tests)
    return Unmet(len(tests) - asked - went_on, asked, went_on)


def _tally(
    results: Sequence[ConvergenceResult], width: int, unicode: bool, counts: Unmet
) -> Segment:
    failed, asides = counts.failed, counts.asides()
    recorded = sum(_is_recorded(result) for result in results)
    trainings = numbers.counted(len(results), "training")
    if failed == len(results):
        said = f"{trainings} did not converge"
    else:
        said = f"{trainings}, {failed} did not converge" if failed else f"{trainings} converged"
        if asides:
            said = said if failed else trainings
            said += asides
    if recorded:
        # Its test failed, for a review: that it converged is not what there is to say.
        said = (
            said.removesuffix(" converged") + f", {numbers.counted(recorded, 'baseline')} recorded"
        )
    seconds = numbers.seconds(sum(result.seconds for result in results))
    return tally(said, failed=failed, width=width, unicode=unicode, besides=f", {seconds}")


def _table(
    shown: Sequence[ConvergenceResult],
    results: Sequence[ConvergenceResult],
    width: int,
    verbosity: int,
    unicode: bool,
    expected: frozenset[str],
) -> list[list[Segment]]:
    courses = [summarised(result.curve) for result in shown]
    names = _names(shown, results, unicode)
    verdicts = _verdicts(shown, unicode)
    table = _columns(names, shown, courses, verdicts, unicode)
    if not table.fits(width):
        # The finding's code makes room for `failed` only when nothing else can give way.
        verdicts = ["passed" if result.passed else "failed" for result in shown]
        table = _columns(names, shown, courses, verdicts, unicode, narrow=True)
    titles, *rows = table.rows(width, unicode)
    lines = [[Segment(text, ("bold",)) for text in titles]]
    for result, seen, (*texts, verdict) in zip(shown, courses, rows, strict=True):
        color = ("green",) if result.passed else ("red", "bold")
        if not result.passed and result.test in expected:
            color = ("yellow",)
        lines.append([*(Segment(text) for text in texts), Segment(verdict, color)])
        notes = _notes(result, width, unicode, all_of_them=verbosity >= 1)
        lines += [[Segment(text)] for text in notes]
        if verbosity >= 2:
            parts = [printable(part, unicode) for part in _probe(result, seen)]
            lines += [[Segment(line, ("light",))] for line in fill(parts, width, indent="  ")]
    return lines


def _names(
    shown: Sequence[ConvergenceResult], results: Sequence[ConvergenceResult], unicode: bool
) -> list[tuple[str, str]]:
    """Each test and the number of its training, which is empty where there is but one."""
    trainings = collections.Counter(result.test for result in results)
    return [
        (
            printable(result.test, unicode),
            f" #{result.number}" if trainings[result.test] > 1 else "",
        )
        for result in shown
    ]


def _verdicts(shown: Sequence[ConvergenceResult], unicode: bool) -> list[str]:
    return [printable(words.verdict(result), unicode) for result in shown]


def _label(test: str, number: str, width: int, mark: str) -> str:
    return elide_node_id(test, max(width - len(number), 1), mark=mark) + number


def _columns(
    names: Sequence[tuple[str, str]],
    shown: Sequence[ConvergenceResult],
    courses: Sequence[CurveSummary],
    verdicts: Sequence[str],
    unicode: bool,
    *,
    narrow: bool = False,
) -> Table:
    """The columns; `narrow` lets even the curve and the final loss give way."""
    mark = ellipsis(unicode)
    points = max(len(seen.losses) for seen in courses)
    test = Column(
        title="test",
        least=min(TEST_WIDTH, max(cell_width(a + b) for a, b in names)),
        usual=USUAL_TEST,
        most=max(cell_width(test + number) for test, number in names),
        draw=lambda size: [_label(test, number, size, mark) for test, number in names],
    )
    curve = Column(
        title="curve",
        gives_way=4 * narrow,
        least=max(min(points, CURVE_WIDTH), len("curve")),
        usual=USUAL_CURVE,
        most=min(points, MOST_CURVE),
        draw=lambda size: [sparkline(seen.losses, size, unicode) for seen in courses],
    )
    first = [numbers.loss(seen.first) for seen in courses]
    last = [numbers.loss(seen.last) for seen in courses]
    steps = [str(seen.curve.updates) for seen in courses]
    times = [_time(result.seconds) for result in shown]
    columns = (
        test,
        Column(title="initial", cells=first, right=True, gives_way=3),
        curve,
        Column(title="final", cells=last, right=True, gives_way=5 * narrow),
        Column(title="steps", cells=steps, right=True, gives_way=2),
        Column(title="time", cells=times, right=True, gives_way=1),
        Column(title="verdict", cells=verdicts),
    )
    return Table(columns=columns)


def _notes(
    result: ConvergenceResult, width: int, unicode: bool, *, all_of_them: bool
) -> Iterator[str]:
    """A line for each thing worth knowing that turned nothing red."""
    report = result.baseline
    if all_of_them and report is not None:
        parts = [printable(part, unicode) for part in baseline_comparison.note(report)]
        yield from fill(parts, width, indent="  ")
    if report is not None and report.data:
        # Better or worse on other rows is no statement about the code.
        text = printable(f"other data: {baseline_comparison.other_data(report)}", unicode)
        yield cut(f"  {text}", width, mark=ellipsis(unicode))
    for finding in result.findings:
        if not finding.fails and (all_of_them or finding.code in SHOWN_NOTES):
            text = printable(f"note {finding.code}: {finding.message}", unicode)
            yield cut(f"  {text}", width, mark=ellipsis(unicode))


def _time(value: float) -> str:
    """Like `numbers.seconds`, but narrower where minutes would take a column's worth of room."""
    return f"{value:.0f} s" if 60 <= value < 1e6 else numbers.seconds(value)


def _probe(result: ConvergenceResult, seen: CurveSummary) -> list[str]:
    record = result.shown_run.record
    gates = [finding.code for finding in result.findings if finding.fails]
    # The verdict shows the cause in their place.
    parts = [f"gates {', '.join(gates)}"] if gates and words.verdict(result) not in gates else []
    parts += [f"probe set {record.probe_rows} rows" if record.probe_rows else "no probe set"]
    parts.append(seen.lowest)
    if seen.curve.inference_loss is not None:
        parts.append(f"inference loss {numbers.loss(seen.curve.inference_loss)}")
    if record.skill is not None:
        parts.append(f"skill {numbers.number(record.skill)}")
    parts += [seen.norms, starts_passed(result.runs)]
    parts += [f"seed {record.seed}"]
    parts += [f"each step by itself, since {record.driver_reason}"] if record.driver_reason else []
    return [part for part in parts if part]
