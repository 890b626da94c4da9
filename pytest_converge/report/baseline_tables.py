"""Recorded baselines as text: what one holds, and how two differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.baseline import Baseline, BaselineVerdict, EnvironmentChange, StoredRun
from pytest_converge.core.recorded_scores import losses_by_step, median, named_scores
from pytest_converge.report.baseline_comparison import COMMIT_LENGTH
from pytest_converge.report.layout import (
    cell_width,
    cut,
    elide_node_id,
    ellipsis,
    pad,
    printable,
)
from pytest_converge.report.sparkline import log_suits, sparkline
from pytest_converge.report.summary import Segment
from pytest_converge.report.table import Column, Table, fact_lines

__all__ = ["baseline_lines", "comparison_lines", "effect"]

Line = list[Segment]

INDENT = "  "
#: Cells of the labels before the facts; the longest is `environment`.
LABEL_WIDTH = 13
MOST_CURVE = 40
#: The fewest bars of a curve that say something.
LEAST_CURVE = 6
#: At or below it a difference is coloured: the alpha that the gate has by default.
CLEAR_P = 0.001


def baseline_lines(
    training: Baseline, *, width: int, unicode: bool, seeds: bool = False
) -> list[Line]:
    """What a baseline holds: its runs' median curve and scores, where it came from.

    Args:
        training: the baseline.
        width: cells of the terminal, at least 20.
        unicode: block characters and other text beyond ASCII.
        seeds: also a table with a row for every run.
    """
    count = numbers.counted(len(training.runs), "run")
    first, last = training.runs[0].seed, training.runs[-1].seed
    lines = [
        _title(training, width, unicode),
        *_fact("recorded", f"{count}, seeds {first} to {last}{_at(training)}", width, unicode),
        *_fact("accepted", training.reason, width, unicode),
        *_fact("settings", _listed(training.settings), width, unicode),
        *_fact("data", _listed(training.data), width, unicode),
        *_fact("environment", _listed(training.environment), width, unicode),
        [Segment(_curve("median loss", training.runs, width, unicode))],
    ]
    for label, values in named_scores(training):
        text = numbers.loss(median(values))
        text += f" ({numbers.loss(min(values))} to {numbers.loss(max(values))})"
        lines += _fact(label, text, width, unicode)
    return [*lines, *(_runs(training, width, unicode) if seeds else [])]


def comparison_lines(
    old: Baseline,
    new: Baseline,
    p_values: Sequence[float],
    verdict: BaselineVerdict | None = None,
    *,
    data: Sequence[EnvironmentChange] | None = None,
    width: int,
    unicode: bool,
) -> list[Line]:
    """How two baselines differ: settings, data, environment, curves and scores.

    Args:
        old: the first one.
        new: the other one, with as many scores.
        p_values: for each score the p of the other one being worse.
        verdict: what the gate says of it; None where it was not asked.
        data: how their rows differ; None where not both tell.
        width: cells of the terminal, at least 20.
        unicode: block characters and other text beyond ASCII.
    """
    lines = [_title(old, width, unicode)]
    if _named(new) != _named(old):
        lines += _fact("against", _named(new), width, unicode)
    lines += _fact("settings", _changes(old.settings, new.settings), width, unicode)
    if old.data or new.data:
        lines += _fact("data", _data_text(data), width, unicode)
    lines += _fact("environment", _changes(old.environment, new.environment), width, unicode)
    commits = (f"{item.commit[:COMMIT_LENGTH] or 'unknown'}" for item in (old, new))
    lines += _fact("commit", numbers.change(*commits), width, unicode)
    lines += _fact("accepted", new.reason, width, unicode)
    if old.runs == new.runs:
        return [*lines, *_fact("runs", "the same numbers", width, unicode)]
    lines.append([Segment(_curve("median loss", old.runs, width, unicode))])
    lines.append([Segment(_curve("", new.runs, width, unicode))])
    pairs = zip(named_scores(old), named_scores(new), p_values, strict=True)
    for (label, before), (_, after), p in pairs:
        medians = median(before), median(after)
        text = f"{numbers.change(*map(numbers.loss, medians))}, {effect(*medians)}"
        clear = p <= CLEAR_P
        text += f", p {numbers.number(p, 2)}"
        lines += _fact(label, text, width, unicode, ("red", "bold") if clear else ())
    if verdict is not None:
        text = f"{'passes' if verdict.passed else 'fails'}, {verdict.look}: {verdict.reason}"
        failed: tuple[str, ...] = () if verdict.passed else ("red", "bold")
        lines += _fact("gate", text, width, unicode, failed)
    return lines


def _title(training: Baseline, width: int, unicode: bool) -> Line:
    number = f" #{training.number}" if training.number > 1 else ""
    name = printable(training.test, unicode)
    room = width - len(number)
    return [Segment(elide_node_id(name, room, mark=ellipsis(unicode)) + number, ("bold",))]


def _named(training: Baseline) -> str:
    return f"{training.test} #{training.number}"


def _at(training: Baseline) -> str:
    return f", commit {training.commit[:COMMIT_LENGTH]}" if training.commit else ""


def _fact(
    label: str, text: str, width: int, unicode: bool, markup: tuple[str, ...] = ()
) -> list[Line]:
    """A label and what there is to say, in as many lines as it takes; none for an empty text."""
    if not text:
        return []
    facts = [(INDENT + label, printable(text, unicode))]
    lines = fact_lines(facts, width, len(INDENT) + LABEL_WIDTH)
    return [[Segment(line, markup)] for line in lines]


def _listed(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(facts.items()))


def _changes(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """What differs, as `steps 200 -> 300`; a fact that is not there reads `none`."""
    changes = (
        f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}"
        for name in sorted({*old, *new})
        if _differ(old, new, name)
    )
    return ", ".join(changes) or "the same"


def _data_text(changes: Sequence[EnvironmentChange] | None) -> str:
    """How the rows differ, as `rows 442 -> 400`."""
    if changes is None:
        return "not told by both"
    texts = (f"{change.name} {change.recorded} -> {change.present}" for change in changes)
    return ", ".join(texts) or "the same"


def _differ(old: Mapping[str, object], new: Mapping[str, object], name: str) -> bool:
    if (name in old) != (name in new):
        return True
    return old[name] != new[name]


def effect(old: float, new: float) -> str:
    """How much worse or better: lower is better."""
    if old == new:
        return "the same"
    if not math.isfinite(old) or not math.isfinite(new) or old == 0:
        return "worse" if new > old else "better"
    share = abs(new - old) / abs(old)
    return f"{numbers.share(share)} {'worse' if new > old else 'better'}"


def _curve(label: str, runs: Sequence[StoredRun], width: int, unicode: bool) -> str:
    losses = _median_curve(runs)
    first, last = numbers.loss(losses[0]), numbers.loss(losses[-1])
    head = f"{INDENT}{pad(label, LABEL_WIDTH)}{pad(first, numbers.LOSS_WIDTH)} "
    room = min(MOST_CURVE, width - cell_width(head) - len(last) - 1)
    if room < LEAST_CURVE:
        text = f"{INDENT}{pad(label, LABEL_WIDTH)}{first} -> {last}"
        return cut(text, width, mark=ellipsis(unicode))
    return f"{head}{sparkline(losses, room, unicode)} {last}"


def _median_curve(runs: Sequence[StoredRun]) -> list[float]:
    """The median over the runs at evenly spaced steps."""
    losses = losses_by_step(runs)
    return [median(losses[step]) for step in _even(list(losses))]


def _even(steps: Sequence[int]) -> list[int]:
    """Those of the steps that have about the largest distance, with the first and the last.

    The first ten are all stored; drawn beside each other they would fill a sixth of the curve.
    """
    gap = max((b - a for a, b in itertools.pairwise(steps)), default=1)
    kept = [steps[0]]
    for step in steps[1:-1]:
        if step - kept[-1] >= gap and steps[-1] - step >= gap:
            kept.append(step)
    return kept if len(steps) == 1 else [*kept, steps[-1]]


def _runs(training: Baseline, width: int, unicode: bool) -> list[Line]:
    """A row for every run, under a line of titles."""
    runs, scores = training.runs, named_scores(training)
    points = max(len(_even(run.steps)) for run in runs)
    columns = [
        Column(title="seed", cells=[str(run.seed) for run in runs], right=True),
        Column(
            title="first",
            cells=[numbers.loss(run.losses[0]) for run in runs],
            right=True,
            gives_way=1,
        ),
        Column(
            title="curve",
            gives_way=4,
            least=LEAST_CURVE,
            most=min(MOST_CURVE, max(LEAST_CURVE, points)),
            draw=lambda size: _curves(runs, size, unicode),
        ),
        Column(
            title="last",
            cells=[numbers.loss(run.losses[-1]) for run in runs],
            right=True,
            gives_way=3,
        ),
    ]
    titles = ("whole", "last half") if len(scores) == 2 else ("score",)
    for title, (_, values) in zip(titles, scores, strict=True):
        cells = list(map(numbers.loss, values))
        gives_way = 2 if title == "last half" else 0
        columns.append(Column(title=title, cells=cells, right=True, gives_way=gives_way))
    lines = Table(columns=tuple(columns)).lines(width - len(INDENT), unicode)
    return [
        [Segment(INDENT + line, () if index else ("bold",))] for index, line in enumerate(lines)
    ]


def _curves(runs: Sequence[StoredRun], width: int, unicode: bool) -> list[str]:
    """The curves of all runs, either all of them on a logarithmic scale or none."""
    log = log_suits([loss for run in runs for loss in run.losses])
    points = [dict(zip(run.steps, run.losses, strict=True)) for run in runs]
    curves = ([found[step] for step in _even(list(found))] for found in points)
    return [sparkline(curve, width, unicode, log=log) for curve in curves]
