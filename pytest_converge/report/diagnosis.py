"""The diagnosis in the words and the order that every report gives it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.result import ConvergenceResult
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

__all__ = [
    "all_trials",
    "diagnosis_blocks",
    "fix_label",
    "floor_text",
    "not_found",
    "outcome",
    "own_loss",
    "passed_text",
    "proof",
    "rates_parts",
    "sentence",
    "verdict",
]


def verdict(result: ConvergenceResult) -> str:
    """One word for a row: the cause where it is known, else the gate that failed first."""
    if result.passed:
        return "passed"
    if result.diagnosis is not None and result.diagnosis.known:
        causes = result.diagnosis.causes
        more = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
        return f"{result.diagnosis.cause}{more}"
    return next((finding.code for finding in result.findings if finding.fails), "failed")


def all_trials(diagnosis: Diagnosis) -> list[Trial]:
    """Every change once, with the most seeds it was run on.

    The repair of the cause comes first, then the other verified changes, then the rest, those
    that came nearest to passing first; controls, which are no repairs, last.
    """
    kept: dict[str, Trial] = {}
    for trial in (*diagnosis.verified, *diagnosis.tried):
        if trial.change not in kept or trial.seeds > kept[trial.change].seeds:
            kept[trial.change] = trial
    verified = {trial.change for trial in diagnosis.verified}

    def rank(trial: Trial) -> tuple[bool, bool, bool, float, bool, float]:
        if trial.change in verified:  # in the order that the diagnosis gives them
            return (False, False, trial.code != diagnosis.cause, 0.0, False, 0.0)
        loss = trial.losses[0] if trial.losses else math.nan
        share = trial.passed / max(trial.seeds, 1)
        finite = loss if math.isfinite(loss) else math.inf
        return (trial.control, True, False, -share, not trial.comparable, finite)

    return sorted(kept.values(), key=rank)


def own_loss(trial: Trial) -> str:
    """The final loss on the failed run's own seed."""
    return numbers.loss(trial.losses[0]) if trial.losses else "-"


def passed_text(trial: Trial) -> str:
    """`2 of 3`: on how many seeds every gate passed."""
    return f"{trial.passed} of {trial.seeds}"


def proof(diagnosis: Diagnosis) -> Trial | None:
    """The trial of the proposed repair on the most seeds; None where it was not run."""
    own = [
        trial
        for trial in all_trials(diagnosis)
        if trial.code == diagnosis.cause and trial.fix == diagnosis.fix
    ]
    named = [trial for trial in diagnosis.verified if trial.code == diagnosis.cause]
    return next(iter([*own, *named]), None)


def outcome(trial: Trial) -> str:
    """`loss 0.03055, 3 of 3 seeds pass`: what came of a trial."""
    loss = f"loss {own_loss(trial)}" + (" in another unit" if not trial.comparable else "")
    noun, verb = ("seed", "passes") if trial.seeds == 1 else ("seeds", "pass")
    text = f"{loss}, {passed_text(trial)} {noun} {verb}"
    return f"{text}, nothing is random" if trial.deterministic else text


def sentence(diagnosis: Diagnosis) -> str:
    """The sentence about the cause with every name that it counted, as in `a, b and 2 more`."""
    names = [*dict.fromkeys(diagnosis.where)]
    return (
        diagnosis.message.replace(numbers.listed(names), ", ".join(names))
        if names
        else (diagnosis.message)
    )


def fix_label(diagnosis: Diagnosis) -> str:
    """What to write before the code of the repair."""
    return "fix" if diagnosis.proven else "fix, not verified"


def not_found(diagnosis: Diagnosis, final_loss: float) -> str:
    """That no cause was found, whether the budget was too small, and how far the best run came."""
    text = "no cause found"
    if diagnosis.left_out and math.isfinite(diagnosis.budget):
        text += f" within the budget of {numbers.seconds(diagnosis.budget)}"
    return f"{text}: {diagnosis.message or _nearest(diagnosis, final_loss)}"


def _nearest(diagnosis: Diagnosis, final_loss: float) -> str:
    trials = all_trials(diagnosis)
    text = f"{numbers.counted(len(trials), 'change')} tried"
    reached = [
        (trial.losses[0], trial.change)
        for trial in trials
        if trial.comparable and trial.losses and math.isfinite(trial.losses[0])
    ]
    if not reached:
        return text
    loss, change = min(reached)
    if loss >= final_loss:
        return f"{text}, none lowered the final loss"
    return f"{text}, the best, {change}, reached loss {numbers.loss(loss)}"


def rates_parts(bracket: RateBracket) -> list[str]:
    """The learning rates that pass, beside the one that was used."""
    own, low, high, proposed = map(
        numbers.number, (bracket.own, bracket.lowest, bracket.highest, bracket.proposed)
    )
    parts = [f"{own} is yours", f"{low} to {high} pass", f"{proposed} is proposed"]
    if low == high:
        parts[1] = f"{low} alone passes"
    if bracket.stability_limit is not None:
        parts.append(f"stable below {numbers.number(bracket.stability_limit, 3)}")
    return parts


def floor_text(floor: float, max_loss: float | None) -> str:
    """The lowest loss of all runs: no proof that none lies below."""
    text = f"no run went below {numbers.loss(floor)}"
    return text if max_loss is None else f"{text}; max_loss={numbers.number(max_loss)}"


def evidence_parts(diagnosis: Diagnosis) -> Iterator[str]:
    """The measurements behind the cause as `name=value`, in the order of the diagnosis."""
    for name, value in diagnosis.evidence.items():
        yield f"{name}={numbers.exact(value)}"


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
    trials = all_trials(diagnosis)
    return [
        list(_cause(result, diagnosis, look)),
        _fix(diagnosis, look),
        list(_equals(diagnosis, look)),
        [*_table(trials, look), *_legend(trials, look)],
        list(_rest(result, diagnosis, look)),
    ]


def _cause(result: ConvergenceResult, diagnosis: Diagnosis, look: _Look) -> Iterator[str]:
    if len(diagnosis.causes) > 1:
        yield from look.text(f"{len(diagnosis.causes)} causes, none of which is enough alone:")
        for part in diagnosis.causes:
            yield from look.text(f"{part.cause}: {part.message}", first=INDENT, rest=INDENT * 2)
    elif diagnosis.known:
        yield from look.text(f"cause: {diagnosis.cause}")
        yield from look.text(diagnosis.message, first=INDENT)
    else:
        yield from look.text(not_found(diagnosis, result.final_loss))
    parts = [printable(part, look.unicode) for part in evidence_parts(diagnosis)]
    yield from fill(parts, look.width, indent=INDENT)
    if diagnosis.where:
        yield from look.text("where: " + ", ".join(dict.fromkeys(diagnosis.where)), first=INDENT)


def _fix(diagnosis: Diagnosis, look: _Look) -> list[str]:
    if not diagnosis.fix.strip():
        return []
    return [f"{fix_label(diagnosis)}:", *look.code(diagnosis.fix, INDENT)]


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
        title, losses = "final loss", [*map(own_loss, trials)]
    cells = [loss + star for loss, star in zip(losses, stars, strict=True)]
    columns = [
        changes,
        Column(title=title, cells=cells, right=not whole),
        Column(title="passed", cells=[*map(passed_text, trials)]),
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
        rates = ", ".join(rates_parts(diagnosis.bracket))
        yield from look.text(f"learning rate: {rates}")
    if diagnosis.floor is not None:
        text = floor_text(diagnosis.floor, result.expectation.max_loss)
        yield from look.text(f"floor: {text}")
    reasons: dict[str, list[str]] = {}
    for change, why in diagnosis.excluded:
        reasons.setdefault(why, []).append(change)
    for why, changes in reasons.items():
        yield from look.text(f"excluded: {', '.join(changes)} ({why})")
    spent = numbers.seconds(diagnosis.seconds)
    if math.isfinite(diagnosis.budget):
        spent += f" of {numbers.seconds(diagnosis.budget)}"
    not_tried = f"; not tried: {', '.join(diagnosis.left_out)}" if diagnosis.left_out else ""
    yield from look.text(f"diagnosis took {spent}{not_tried}")
