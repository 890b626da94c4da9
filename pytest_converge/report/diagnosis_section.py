"""The part of the report section that holds the whole diagnosis."""

from __future__ import annotations

import dataclasses
import itertools
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
from pytest_converge.report.table import Column, Table

__all__ = ["diagnosis_blocks"]

INDENT = "  "
#: Cells below which the name of a change says too little; other columns give way first.
CHANGE_WIDTH = 20


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
    table = _columns(trials, look, whole=True)
    if not table.fits(look.width):
        table = _columns(trials, look, whole=False)
    size = table.sizes(look.width)[0]
    titles, *rows = table.lines(look.width, look.unicode)
    by_code: dict[str, list[str]] = {}
    for trial, row in zip(trials, rows, strict=True):
        # A long name goes on below, beside empty cells.
        by_code.setdefault(trial.code, []).extend([row, *_change(trial, look, size)[1:]])
    groups = ([*look.text(code), *lines] for code, lines in by_code.items())
    mark = ellipsis(look.unicode)
    return [cut(line, look.width, mark=mark) for line in (titles, *itertools.chain(*groups))]


def _columns(trials: Sequence[Trial], look: _Look, *, whole: bool) -> Table:
    """The trials with the loss on each seed, else with that on the seed of the failed run alone."""
    changes = Column(
        title="from the same start",
        least=CHANGE_WIDTH,
        most=max(cell_width(printable(trial.change, look.unicode)) for trial in trials)
        + len(INDENT),
        draw=lambda size: [_change(trial, look, size)[0] for trial in trials],
    )
    stars = ["" if trial.comparable else "*" for trial in trials]
    if whole:
        title, losses = "final loss on each seed", [*map(_losses, trials)]
    else:
        title, losses = "final loss", [*map(words.own_loss, trials)]
    cells = [loss + star for loss, star in zip(losses, stars, strict=True)]
    columns = [
        changes,
        Column(title=title, cells=cells, right=not whole),
        Column(title="passed", cells=[*map(words.passed_text, trials)]),
    ]
    if whole:
        seconds = [numbers.seconds(trial.seconds) for trial in trials]
        columns.append(Column(title="time", cells=seconds, gives_way=1))
    return Table(columns=tuple(columns))


def _change(trial: Trial, look: _Look, size: int) -> list[str]:
    return wrap(printable(trial.change, look.unicode), size, first=INDENT, rest=INDENT * 2)


def _losses(trial: Trial) -> str:
    losses = [pad(numbers.loss(loss), numbers.LOSS_WIDTH, right=True) for loss in trial.losses]
    return " ".join(losses) or "-"


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
