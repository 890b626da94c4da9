"""The terminal summary: a row a training, and a tally."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Collection, Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import baseline_comparison
from pytest_converge.report import diagnosis as words
from pytest_converge.report.curve_summary import Course, course
from pytest_converge.report.layout import (
    cell_width,
    code_lines,
    columns_that_fit,
    cut,
    elide_node_id,
    ellipsis,
    fill,
    pad,
    printable,
)
from pytest_converge.report.sparkline import sparkline

__all__ = ["Segment", "summary_lines"]

GAP = 2
#: Cells below which a test's name says too little; other columns give way first.
TEST_WIDTH = 20
CURVE_WIDTH, MOST_CURVE = 8, 32
#: What grows first on a wide terminal, and how far, before the test's id takes all it needs.
GROWTH = (("test", 40), ("curve", 16))
#: The columns, and the order in which they give way on a narrow terminal.
TITLES = ("test", "initial", "curve", "final", "steps", "time", "verdict")
DROPPED = ("time", "steps", "initial", "curve", "final")
RIGHT = frozenset({"initial", "final", "steps", "time"})


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
) -> list[list[Segment]]:
    """The lines of the summary, each at most `width` cells wide; none without results.

    The order of `results` does not matter: rows are sorted by test, so that parallel runs give
    the same summary.

    Args:
        results: every training of the session.
        width: cells of the terminal, at least 10.
        verbosity: below -1 nothing, -1 the tally, 0 also failed trainings, each with its repair
            where one is known, 1 all of them, from 2 also a line of probe numbers under each.
        unicode: block characters and other text beyond ASCII.
        expected: ids of tests that did not fail: where a training of theirs did, they asked for it.
    """
    if not results or verbosity < -1:
        return []
    ordered = sorted(results, key=lambda result: (result.test, result.number))
    wanted = frozenset(expected)
    shown = [
        result
        for result in ordered
        if verbosity >= 1 or not (result.passed or result.test in wanted)
    ]
    lines = []
    if verbosity >= 0 and shown:
        lines = _table(shown, ordered, width, verbosity, unicode, wanted)
    return [*lines, [_tally(ordered, width, unicode, wanted)]]


def _tally(
    results: Sequence[ConvergenceResult], width: int, unicode: bool, expected: frozenset[str]
) -> Segment:
    count = len(results)
    unmet = [result.test in expected for result in results if not result.passed]
    asked, failed = sum(unmet), len(unmet) - sum(unmet)
    trainings = numbers.counted(count, "training")
    if failed == count:
        said = f"{trainings} did not converge"
    else:
        said = f"{trainings}, {failed} did not converge" if failed else f"{trainings} converged"
        if asked:
            said = said if failed else trainings
            said += f", {asked} failed as expected"
    seconds = numbers.seconds(math.fsum(result.seconds for result in results))
    texts = (f"convergence: {said}, {seconds}", f"convergence: {said}", said)
    fitting = (text for text in texts if len(text) <= width)
    text = next(fitting, cut(said, width, mark=ellipsis(unicode)))
    return Segment(text, ("red", "bold") if failed else ("green",))


def _table(
    shown: Sequence[ConvergenceResult],
    results: Sequence[ConvergenceResult],
    width: int,
    verbosity: int,
    unicode: bool,
    expected: frozenset[str],
) -> list[list[Segment]]:
    mark = ellipsis(unicode)
    courses = [course(result.curve) for result in shown]
    names = _names(shown, results, unicode)
    columns = _columns(shown, courses, unicode)
    points = max(len(seen.losses) for seen in courses)
    widths = _widths(columns, max(cell_width(a + b) for a, b in names), points, width)
    if widths["verdict"] < max(map(cell_width, columns["verdict"])):
        columns["verdict"] = ["passed" if result.passed else "failed" for result in shown]
    columns["test"] = [_label(test, number, widths["test"], mark) for test, number in names]
    if "curve" in widths:
        columns["curve"] = [sparkline(seen.losses, widths["curve"], unicode) for seen in courses]

    lines = [[Segment(text, ("bold",)) for text in _line({t: t for t in TITLES}, widths, mark)]]
    for index, (result, seen) in enumerate(zip(shown, courses, strict=True)):
        *texts, verdict = _line({title: columns[title][index] for title in widths}, widths, mark)
        color = ("green",) if result.passed else ("red", "bold")
        if not result.passed and result.test in expected:
            color = ("yellow",)
        lines.append([*(Segment(text) for text in texts), Segment(verdict, color)])
        lines += [[Segment(text)] for text in _remedy(result, width, unicode)]
        if verbosity >= 1:
            lines += [[Segment(text)] for text in _notes(result, width, unicode)]
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


def _label(test: str, number: str, width: int, mark: str) -> str:
    return elide_node_id(test, max(width - len(number), 1), mark=mark) + number


def _columns(
    shown: Sequence[ConvergenceResult], courses: Sequence[Course], unicode: bool
) -> dict[str, list[str]]:
    """The cells of every column that does not depend on the width."""
    return {
        "initial": [numbers.loss(seen.first) for seen in courses],
        "final": [numbers.loss(seen.last) for seen in courses],
        "steps": [str(seen.curve.updates) for seen in courses],
        "time": [_time(result.seconds) for result in shown],
        "verdict": [printable(words.verdict(result), unicode) for result in shown],
    }


def _remedy(result: ConvergenceResult, width: int, unicode: bool) -> Iterator[str]:
    """A line with the repair of a failed training, or with what else its diagnosis says."""
    diagnosis = result.diagnosis
    if result.passed or diagnosis is None:
        return
    if diagnosis.fix.strip():
        first, *more = code_lines(diagnosis.fix, max(len(diagnosis.fix), 1), unicode=unicode)
        text = f"{words.fix_label(diagnosis)}: {first}" + f" {ellipsis(unicode)}" * bool(more)
    elif diagnosis.known:
        text = diagnosis.message
    else:
        text = words.not_found(diagnosis, result.final_loss)
    yield cut(f"  {printable(text, unicode)}", width, mark=ellipsis(unicode)).rstrip()


def _notes(result: ConvergenceResult, width: int, unicode: bool) -> Iterator[str]:
    """A line for each thing worth knowing that turned nothing red."""
    if result.baseline is not None:
        parts = [printable(part, unicode) for part in baseline_comparison.note(result.baseline)]
        yield from fill(parts, width, indent="  ")
    for finding in result.findings:
        if not finding.fails:
            text = printable(f"note {finding.code}: {finding.message}", unicode)
            yield cut(f"  {text}", width, mark=ellipsis(unicode))


def _time(value: float) -> str:
    """Like `numbers.seconds`, but narrower where minutes would take a column's worth of room."""
    return f"{value:.0f} s" if 60 <= value < 1e6 else numbers.seconds(value)


def _widths(
    columns: dict[str, list[str]], longest_test: int, points: int, width: int
) -> dict[str, int]:
    """The width of every column that is shown, in order.

    The finding's code makes room for `failed` only when nothing else can give way.
    """
    needed = {
        title: max(cell_width(title), *map(cell_width, cells)) for title, cells in columns.items()
    }
    needed["test"] = min(longest_test, TEST_WIDTH)
    needed["curve"] = max(min(points, CURVE_WIDTH), len("curve"))
    drop = [TITLES.index(title) for title in DROPPED]
    kept = _kept(needed, drop[:-2], width)
    if sum(needed[title] for title in kept) + GAP * (len(kept) - 1) > width:
        needed["verdict"] = len("verdict")
        kept = _kept(needed, drop, width)
    widths = {title: needed[title] for title in kept}
    spare = width - sum(widths.values()) - GAP * (len(widths) - 1)
    if spare < 0:
        widths["test"] = max(widths["test"] + spare, 1)
        return widths
    longest = {"test": longest_test, "curve": max(min(points, MOST_CURVE), len("curve"))}
    for title, most in (*GROWTH, *longest.items()):
        if title in widths:
            grown = min(spare, max(0, min(most, longest[title]) - widths[title]))
            widths[title] += grown
            spare -= grown
    return widths


def _kept(needed: dict[str, int], drop: Sequence[int], width: int) -> tuple[str, ...]:
    sizes = [needed[title] for title in TITLES]
    return tuple(TITLES[i] for i in columns_that_fit(sizes, drop, width, gap=GAP))


def _line(cells: dict[str, str], widths: dict[str, int], mark: str) -> list[str]:
    """The padded texts of one line, which together take no more than all widths and gaps."""
    texts = [
        pad(cut(cells[title], size, mark=mark), size, right=title in RIGHT) + " " * GAP
        for title, size in widths.items()
    ]
    texts[-1] = texts[-1].rstrip()
    return texts


def _probe(result: ConvergenceResult, seen: Course) -> list[str]:
    record = result.shown_run.record
    gates = [finding.code for finding in result.findings if finding.fails]
    # The verdict shows the cause in their place.
    parts = [f"gates {', '.join(gates)}"] if gates and words.verdict(result) not in gates else []
    parts += [f"probe set {record.probe_rows} rows" if record.probe_rows else "no probe set"]
    if seen.best is not None:
        parts.append(f"lowest {numbers.loss(seen.best)} at step {seen.best_step}")
    if seen.curve.inference_loss is not None:
        parts.append(f"inference loss {numbers.loss(seen.curve.inference_loss)}")
    if record.skill is not None:
        parts.append(f"skill {numbers.number(record.skill, 3)}")
    if seen.curve.gradient_norm:
        norms = seen.curve.gradient_norm
        parts.append(
            f"gradient norm {numbers.change(numbers.loss(norms[0]), numbers.loss(norms[-1]))}"
        )
    if len(result.runs) > 1:
        passed = sum(run.passed for run in result.runs)
        parts.append(f"{passed} of {len(result.runs)} starts passed")
    parts.append(f"seed {record.seed}")
    parts.append(f"driver {record.driver}")
    return parts
