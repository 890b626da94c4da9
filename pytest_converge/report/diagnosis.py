"""The diagnosis in the words and the order that every report gives it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
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
    printable,
    wrap,
    wrap_at_most,
)
from pytest_converge.report.table import Column, Table

__all__ = [
    "MOST_ROWS",
    "all_trials",
    "diagnosis_blocks",
    "effort",
    "evidence_parts",
    "excluded_parts",
    "fix_label",
    "floor_text",
    "not_found",
    "outcome",
    "own_loss",
    "passed_text",
    "proof",
    "rates_parts",
    "sentence",
    "sentences",
    "told",
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


def sentences(result: ConvergenceResult, diagnosis: Diagnosis) -> list[str]:
    """What was seen of each cause, behind its code, or that none was found.

    What is a gate and a cause at once is said by the finding.
    """
    if not diagnosis.known:
        return [not_found(diagnosis, result.final_loss)]
    if len(diagnosis.causes) > 1:
        seen = [(part.cause, part.message) for part in diagnosis.causes]
    else:
        seen = [(diagnosis.cause, sentence(diagnosis))]
    gates = {finding.code for finding in result.findings if finding.fails}
    return [f"{code}: {text}" for code, text in seen if text.strip() and code not in gates]


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


def excluded_parts(diagnosis: Diagnosis) -> list[str]:
    """What could not be tried or measured, those together that have the same reason."""
    reasons: dict[str, list[str]] = {}
    for change, why in diagnosis.excluded:
        reasons.setdefault(why, []).append(change)
    return [f"{', '.join(changes)} ({why})" for why, changes in reasons.items()]


def effort(diagnosis: Diagnosis) -> str:
    """`9.8 s of 10 s; not tried: ...`: the time that it took, and what it was too short for."""
    spent = numbers.seconds(diagnosis.seconds)
    if math.isfinite(diagnosis.budget):
        spent += f" of {numbers.seconds(diagnosis.budget)}"
    return spent + (f"; not tried: {', '.join(diagnosis.left_out)}" if diagnosis.left_out else "")


#: Measurements that the section shows elsewhere, beside the curve or among its facts.
SHOWN_ELSEWHERE = frozenset(
    {"learning_rate", "initial_loss", "final_loss", "constant_loss", "first_gradient_norm"}
)
#: Names of measurements that say nothing to who does not know how it is measured.
IN_WORDS = {
    "step_gauge": "slope left after a step",
    "gradient_first_to_last": "gradient of the first layer / of the last",
    "skill_without_the_model": "skill of a plain network",
    "prediction_deviation": "deviation of the predictions",
    "one_batch_initial_loss": "loss of one batch before training on it",
    "one_batch_final_loss": "loss of one batch after training on it",
}


def evidence_parts(diagnosis: Diagnosis) -> Iterator[str]:
    """The measurements behind the cause as `name value`, in the order of the diagnosis."""
    for name, value in diagnosis.evidence.items():
        if name not in SHOWN_ELSEWHERE and value is not None:
            text = numbers.loss(value) if isinstance(value, float) else str(value)
            yield f"{IN_WORDS.get(name, name.replace('_', ' '))} {text}"


INDENT = "  "
#: Families of trials and equivalent repairs with a line each; the JSON report has them all.
MOST_ROWS, MOST_EQUALS = 6, 2
#: Lines of measurements, and of what was not tried.
MOST_MEASURED, MOST_EXCLUDED = 2, 2
#: A number in the name of a change.
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\w)")
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
    result: ConvergenceResult,
    diagnosis: Diagnosis,
    *,
    width: int,
    unicode: bool,
    message: str = "",
    most: int = MOST_ROWS,
) -> list[list[str]]:
    """Blocks of lines: what `message` leaves of cause and repair, the trials, and what is left.

    Lines are at most `width` cells wide, apart from code that cannot be broken. Of the trials
    `most` families have a line each.
    """
    look = _Look(width, unicode)
    rows = list(_families(all_trials(diagnosis)))
    hidden = [trial for row in rows[most:] for trial in row]
    rows = rows[:most]
    shown = [trial for row in rows for trial in row]
    return [
        [*_cause(result, diagnosis, look, message), *_fix(diagnosis, look, message)],
        [
            *(*_table(rows, look), *_more(hidden, look), *_legend(shown, look)),
            *(*_equals(diagnosis, look), *_rest(result, diagnosis, look, message)),
        ],
    ]


def _cause(
    result: ConvergenceResult, diagnosis: Diagnosis, look: _Look, message: str
) -> Iterator[str]:
    """What the message had no room for, and the measurements."""
    if len(diagnosis.causes) > 1:
        yield from look.text(f"{len(diagnosis.causes)} causes, none of which is enough alone")
    for text in sentences(result, diagnosis):
        whole = not message and len(diagnosis.causes) < 2
        if not told(text.removeprefix(f"{diagnosis.cause}: "), message):
            yield from look.text(f"cause: {text}" if whole and diagnosis.known else text)
    parts = [
        printable(part, look.unicode)
        for part in evidence_parts(diagnosis)
        if not told(part.rpartition(" ")[2], f" {message} ")
    ]
    lines = fill([f"measured: {parts[0]}", *parts[1:]], look.width - len(INDENT)) if parts else []
    yield from (INDENT * bool(index) + line for index, line in enumerate(lines[:MOST_MEASURED]))
    names = [*dict.fromkeys(diagnosis.where)]
    if names and not told(", ".join(names), f"{message} {sentence(diagnosis)}"):
        yield from look.text("where: " + ", ".join(names))


def told(text: str, message: str) -> bool:
    """Whether the message says this already, however its lines are broken."""
    return bool(message) and " ".join(text.split()) in " ".join(message.split())


def _fix(diagnosis: Diagnosis, look: _Look, message: str) -> list[str]:
    code = [line.strip() for line in code_lines(diagnosis.fix, 10**6) if line.strip()]
    if not code or all(told(line, message) for line in code):
        return []
    return [f"{fix_label(diagnosis)}:", *look.code(diagnosis.fix, INDENT)]


def _equals(diagnosis: Diagnosis, look: _Look) -> Iterator[str]:
    """The other verified changes, which do as well, each with its code."""
    others = [
        trial
        for trial in diagnosis.verified
        if (trial.code, trial.fix) != (diagnosis.cause, diagnosis.fix) and trial.fix.strip()
    ]
    for trial in others[:MOST_EQUALS]:
        label = f"or, {printable(trial.change, look.unicode)}:"
        code = look.code(trial.fix, INDENT)
        line = f"{label} {code[0].strip()}"
        if len(code) == 1 and cell_width(line) <= look.width:
            yield line
        else:
            yield from (*look.text(label), *code)
    if len(others) > MOST_EQUALS:
        yield from look.text(f"or one of {len(others) - MOST_EQUALS} more, in the JSON report")


def _families(trials: Sequence[Trial]) -> Iterator[tuple[Trial, ...]]:
    """The trials, those together that passed on no seed and differ in numbers alone."""
    families: dict[object, list[Trial]] = {}
    for index, trial in enumerate(trials):
        alike = (NUMBER.sub("#", trial.change), trial.comparable, trial.control)
        alone = trial.passed or trial.seeds != 1
        families.setdefault(index if alone else alike, []).append(trial)
    yield from map(tuple, families.values())


def _name(family: Sequence[Trial]) -> str:
    """The change of one trial, or `learning rate 0.001 to 10` of several."""
    first = family[0].change
    found = [NUMBER.findall(trial.change) for trial in family]
    differing = [i for i, texts in enumerate(zip(*found, strict=True)) if len(set(texts)) > 1]
    if not differing:
        return first
    if len(differing) > 1 or " (" in first:
        return first.partition(" (")[0]
    texts = sorted((texts[differing[0]] for texts in found), key=float)
    matched = [*NUMBER.finditer(first)][differing[0]]
    ends = f"{texts[0]} to {texts[-1]}"
    return f"{first[: matched.start()]}{ends}{first[matched.end() :]}"


def _range(family: Sequence[Trial]) -> str:
    """From the lowest to the highest final loss of several trials."""
    losses = [loss for trial in family for loss in trial.losses]
    finite = sorted(filter(math.isfinite, losses))
    ends = [numbers.loss(loss) for loss in (*finite[:1], *finite[-1:])]
    if len(finite) < len(losses):
        ends = [*ends[:1], numbers.loss(math.nan)]
    return " to ".join(dict.fromkeys(ends)) or "-"


def _table(rows: Sequence[Sequence[Trial]], look: _Look) -> list[str]:
    """A line for each family of changes."""
    if not rows:
        return []
    table = _columns(rows, look, whole=True)
    if not table.fits(look.width):
        table = _columns(rows, look, whole=False)
    size = table.sizes(look.width)[0]
    titles, *lines = table.lines(look.width, look.unicode)
    # A long name goes on below, beside empty cells.
    pairs = zip(rows, lines, strict=True)
    shown = [[line, *_change(family, look, size)[1:]] for family, line in pairs]
    mark = ellipsis(look.unicode)
    return [cut(line, look.width, mark=mark) for line in (titles, *itertools.chain(*shown))]


def _more(hidden: Sequence[Trial], look: _Look) -> Iterator[str]:
    if hidden:
        text = f"{numbers.counted(len(hidden), 'more change')}: {_range(hidden)}"
        yield from look.text(text, first=INDENT)


def _columns(rows: Sequence[Sequence[Trial]], look: _Look, *, whole: bool) -> Table:
    """The trials with the loss on each seed, else with that on the seed of the failed run alone."""
    changes = Column(
        title="tried from the same start",
        least=CHANGE_WIDTH,
        most=max(cell_width(printable(_name(family), look.unicode)) for family in rows)
        + len(INDENT),
        draw=lambda size: [_change(family, look, size)[0] for family in rows],
    )
    several = any(family[0].seeds > 1 for family in rows)
    losses = [
        _range(family)
        if len(family) > 1
        else (_losses(family[0]) if whole else own_loss(family[0]))
        for family in rows
    ]
    stars = ["" if family[0].comparable else "*" for family in rows]
    cells = [loss + star for loss, star in zip(losses, stars, strict=True)]
    columns = [
        changes,
        Column(title="final loss on each seed" if whole and several else "final loss", cells=cells),
        Column(title="passed", cells=[*map(_passed, rows)]),
    ]
    if whole:
        seconds = [sum(trial.seconds for trial in family) for family in rows]
        columns.append(Column(title="time", cells=[*map(numbers.seconds, seconds)], gives_way=1))
    return Table(columns=tuple(columns))


def _change(family: Sequence[Trial], look: _Look, size: int) -> list[str]:
    return wrap(printable(_name(family), look.unicode), size, first=INDENT, rest=INDENT * 2)


def _passed(family: Sequence[Trial]) -> str:
    passed, seeds = (
        sum(counts) for counts in zip(*((t.passed, t.seeds) for t in family), strict=True)
    )
    return f"{passed} of {seeds}"


def _losses(trial: Trial) -> str:
    return "  ".join(map(numbers.loss, trial.losses)) or "-"


def _legend(trials: Sequence[Trial], look: _Look) -> Iterator[str]:
    if not all(trial.comparable for trial in trials):
        yield from look.text("* a loss in another unit; judged by its skill")
    if any(trial.deterministic for trial in trials):
        yield from look.text("nothing about this training is random: one seed is all")


def _rest(
    result: ConvergenceResult, diagnosis: Diagnosis, look: _Look, message: str
) -> Iterator[str]:
    if diagnosis.bracket is not None:
        rates = ", ".join(rates_parts(diagnosis.bracket))
        yield from look.text(f"learning rate: {rates}")
    if diagnosis.floor is not None:
        text = floor_text(diagnosis.floor, None if message else result.expectation.max_loss)
        if not told(text, message) and not told(numbers.number(diagnosis.floor), message):
            yield from look.text(f"floor: {text}")
    parts = excluded_parts(diagnosis)
    mark = ellipsis(look.unicode)
    if parts:
        text = printable("excluded: " + "; ".join(parts), look.unicode)
        yield from wrap_at_most(text, look.width, MOST_EXCLUDED, mark=mark, rest=INDENT)
    text = printable(f"diagnosis took {effort(diagnosis)}", look.unicode)
    yield from wrap_at_most(text, look.width, MOST_EXCLUDED, mark=mark, rest=INDENT)
