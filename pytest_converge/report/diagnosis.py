"""The diagnosis in the words and the order that every report gives it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.result import ConvergenceResult

__all__ = [
    "all_trials",
    "evidence_parts",
    "fix_label",
    "floor_text",
    "not_found",
    "own_loss",
    "passed_text",
    "rates_parts",
    "verdict",
]


def verdict(result: ConvergenceResult) -> str:
    """One word for a row: the cause where it is known, else the gate that failed first."""
    if result.passed:
        return "passed"
    if result.diagnosis is not None and result.diagnosis.known:
        return result.diagnosis.cause
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
