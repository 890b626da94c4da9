"""The part of the report section that holds the whole diagnosis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import diagnosis as words
from pytest_converge.report.layout import (
    cell_width,
    code_lines,
    cut,
    ellipsis,
    fill,
    pad,
    printable,
    wrap,
)

__all__ = ["diagnosis_blocks"]

INDENT = "  "
GAP = 2
#: Cells below which the name of a change says too little; other columns give way first.
CHANGE_WIDTH = 20
#: The cells of a trial, and which of them are shown: the first choice that fits. On a narrow
#: terminal the loss on the seed of the failed run stands for all.
TITLES = ("from the same start", "final loss on each seed", "final loss", "passed", "time")
COLUMNS = ((0, 1, 3, 4), (0, 1, 3), (0, 2, 3))


@dataclasses.dataclass(frozen=True, slots=True)
class _Look:
    """Lines for a width and an encoding."""

    width: int
    unicode: bool

    def text(self, text: str, *, first: str = "", rest: str = INDENT) -> list[str]:
        return wrap(printable(text, self.unicode), self.width, first=first, rest=rest)

    def code(self, code: str, indent: str) -> list[str]:
        lines = code_lines(code, self.width - len(indent), unicode=self.unicode)
        return [indent + line for line in lines]


def diagnosis_blocks(
    result: ConvergenceResult, diagnosis: Diagnosis, *, width: int, unicode: bool
) -> list[list[str]]:
    """Blocks of lines: the cause, its repair, its equals, the trials, and what is left to say.

    Lines are at most `width` cells wide, apart from code that cannot be broken.
    """
    look = _Look(width, unicode)
    trials = words.all_trials(diagnosis)
    return [
        list(_cause(result, diagnosis, look)),
        _fix(diagnosis, look),
        list(_equals(diagnosis, look)),
        [*_table(trials, look), *_legend(trials, look)],
        list(_rest(result, diagnosis, look)),
    ]


def _cause(result: ConvergenceResult, diagnosis: Diagnosis, look: _Look) -> Iterator[str]:
    if diagnosis.known:
        yield from look.text(f"cause: {diagnosis.cause}")
        yield from look.text(diagnosis.message, first=INDENT)
    else:
        yield from look.text(words.not_found(diagnosis, result.final_loss))
    parts = [printable(part, look.unicode) for part in words.evidence_parts(diagnosis)]
    yield from fill(parts, look.width, indent=INDENT)
    if diagnosis.where:
        yield from look.text("where: " + ", ".join(dict.fromkeys(diagnosis.where)), first=INDENT)


def _fix(diagnosis: Diagnosis, look: _Look) -> list[str]:
    if not diagnosis.fix.strip():
        return []
    return [f"{words.fix_label(diagnosis)}:", *look.code(diagnosis.fix, INDENT)]


def _equals(diagnosis: Diagnosis, look: _Look) -> Iterator[str]:
    """The other verified changes, which do as well, each with its code."""
    others = [
        trial
        for trial in diagnosis.verified
        if (trial.code, trial.fix) != (diagnosis.cause, diagnosis.fix)
    ]
    if others:
        yield from look.text("equivalent, verified as well:")
    for trial in others:
        yield from look.text(f"{trial.change} ({trial.code})", first=INDENT, rest=INDENT * 2)
        yield from look.code(trial.fix, INDENT * 2) if trial.fix.strip() else ()


def _table(trials: Sequence[Trial], look: _Look) -> list[str]:
    """Every change under the cause that it would prove."""
    if not trials:
        return []
    rows = [TITLES, *(_cells(trial, look.unicode) for trial in trials)]
    longest = [max(map(cell_width, cells)) for cells in zip(*rows, strict=True)]
    longest[0] = max(longest[0], *(cell_width(row[0]) + len(INDENT) for row in rows[1:]))
    for columns in COLUMNS:
        widths = {i: longest[i] if i else min(longest[i], CHANGE_WIDTH) for i in columns}
        spare = look.width - sum(widths.values()) - GAP * (len(widths) - 1)
        if spare >= 0:
            break
    widths[0] = max(min(longest[0], widths[0] + spare), 1)
    lines = list(_row(TITLES, widths, ""))
    by_code: dict[str, list[tuple[str, ...]]] = {}
    for trial, cells in zip(trials, rows[1:], strict=True):
        by_code.setdefault(trial.code, []).append(cells)
    for code, group in by_code.items():
        lines += look.text(code)
        lines += [line for cells in group for line in _row(cells, widths, INDENT)]
    return [cut(line, look.width, mark=ellipsis(look.unicode)) for line in lines]


def _cells(trial: Trial, unicode: bool) -> tuple[str, ...]:
    star = "" if trial.comparable else "*"
    losses = [pad(numbers.loss(loss), numbers.LOSS_WIDTH, right=True) for loss in trial.losses]
    return (
        printable(trial.change, unicode),
        (" ".join(losses) or "-") + star,
        words.own_loss(trial) + star,
        words.passed_text(trial),
        numbers.seconds(trial.seconds),
    )


def _row(texts: Sequence[str], widths: dict[int, int], indent: str) -> Iterator[str]:
    """The lines of a row: a long name goes on below, beside empty cells."""
    first, *others = wrap(texts[0], widths[0], first=indent, rest=indent * 2)
    cells = [pad(texts[i], widths[i], right=i == 2) for i in widths if i]
    yield (" " * GAP).join([pad(first, widths[0]), *cells]).rstrip()
    yield from others


def _legend(trials: Sequence[Trial], look: _Look) -> Iterator[str]:
    if not all(trial.comparable for trial in trials):
        yield from look.text("* a loss in another unit; judged by its skill")
    if any(trial.deterministic for trial in trials):
        yield from look.text("nothing about this training is random: one seed is all")


def _rest(result: ConvergenceResult, diagnosis: Diagnosis, look: _Look) -> Iterator[str]:
    if diagnosis.bracket is not None:
        rates = ", ".join(words.rates_parts(diagnosis.bracket))
        yield from look.text(f"learning rate: {rates}")
    if diagnosis.floor is not None:
        text = words.floor_text(diagnosis.floor, result.expectation.max_loss)
        yield from look.text(f"floor: {text}")
    reasons: dict[str, list[str]] = {}
    for change, why in diagnosis.excluded:
        reasons.setdefault(why, []).append(change)
    for why, changes in reasons.items():
        yield from look.text(f"not applicable: {', '.join(changes)} ({why})")
    spent = numbers.seconds(diagnosis.seconds)
    if math.isfinite(diagnosis.budget):
        spent += f" of {numbers.seconds(diagnosis.budget)}"
    not_tried = f"; not tried: {', '.join(diagnosis.left_out)}" if diagnosis.left_out else ""
    yield from look.text(f"diagnosis took {spent}{not_tried}")
