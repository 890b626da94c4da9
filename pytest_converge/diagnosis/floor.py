"""Targets that cannot be reached: contradictions in the data, floors, and unrelated labels."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pytest_converge.checks.words import number, share
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.diagnosis.trials import OutOfTimeError, Trials
from pytest_converge.training.arrays import batch_leaves
from pytest_converge.training.broadcast import outer_difference
from pytest_converge.training.contradictions import contradicting_share
from pytest_converge.training.intervention import Intervention
from pytest_converge.training.interventions import rows, targets
from pytest_converge.training.laboratory import Laboratory

__all__ = ["Verdict", "contradiction", "nothing_passed", "two_encodings"]

#: Rows with the same inputs and other targets, as a share of all, that explain a missed target.
CONTRADICTING = 0.1
#: Advantage of the best run over one with permuted targets that shows a relation.
RELATED = 0.05
#: A half of fewer rows is learnt by heart.
FEWEST_ROWS = 200
#: Runs whose final losses differ by less than this share met the same floor.
SAME_FLOOR = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said where no repair passed."""

    cause: str
    message: str
    floor: float | None = None
    fix: str = ""


def contradiction(lab: Laboratory, trials: Trials, record: TrainingRecord) -> dict[str, Any] | None:
    """A cause that shows in the targets: shapes that broadcast, equal rows, two encodings."""
    shapes = outer_difference(lab.training)
    if shapes is not None:
        message = (
            f"the loss subtracts shapes {shapes[0]} and {shapes[1]}, which broadcasts to a matrix"
            " of all pairs"
        )
        fix = "y = tf.reshape(y, (-1, 1))"
        return {"cause": "label-encoding", "message": message, "fix": fix, "where": ("y",)}
    pair = _inputs_and_targets(lab)
    if pair is None:
        return None
    clashing = contradicting_share(*pair)
    if clashing > CONTRADICTING:
        best = min(trials.best, record.curve.last)
        message = f"{share(clashing)} of the rows have the inputs of another row and other targets"
        return {"cause": "unreachable-target", "message": message, "floor": best}
    return None


def nothing_passed(trials: Trials, record: TrainingRecord, clues: Clues) -> Verdict:
    """An unreachable target, unrelated labels, or an honest "unknown"."""
    losses = [record.curve.last, *(t.losses[0] for t in trials.like_the_failed_run)]
    finite = sorted(loss for loss in losses if math.isfinite(loss))
    bound = trials.expectation.max_loss
    if not finite:
        return Verdict(cause="unknown", message=_unknown(trials, math.nan))
    best = finite[0]
    met = [loss for loss in finite if loss - best <= SAME_FLOOR * max(abs(best), 1e-12)]
    aim = f"max_loss={number(bound)}" if bound is not None else "the target"
    if trials.laboratory.training.full_batch and len(met) >= 3:
        message = f"no change gets below {number(best)}, {aim}: {len(met)} runs end there"
        return Verdict(
            cause="unreachable-target", message=message, floor=best, fix=_higher(best, bound)
        )
    relation = _relation(trials, record, best)
    if relation is None:
        return Verdict(cause="unknown", message=_unknown(trials, best))
    if relation > RELATED:
        message = f"no change gets below {number(best)}, {aim}"
        return Verdict(
            cause="unreachable-target", message=message, floor=best, fix=_higher(best, bound)
        )
    message = "the targets are learnt no better than the same targets in random order"
    return Verdict(cause="labels-unrelated", message=message)


def _relation(trials: Trials, record: TrainingRecord, best: float) -> float | None:
    """By how much of the constant loss the best run beats the same on permuted targets."""
    constant = record.constant_loss
    if constant is None or not constant > 0 or trials.laboratory.rows is None:
        return None
    trials.budget = math.inf  # the control is one run, and without it nothing can be said
    try:
        control = trials.control(_like_the_best(trials, best), confirm=False)
    except OutOfTimeError:
        return None
    if control is None or not math.isfinite(control.losses[0]):
        return None
    return (min(control.losses[0], constant) - best) / constant


def two_encodings(lab: Laboratory, trials: Trials) -> dict[str, Any] | None:
    """Each half of the rows passes, a random half does not: the labels of the halves disagree."""
    count = 0 if lab.rows is None or lab.training.verb != "fit" else lab.rows.rows
    # A metric of a rare class may pass on half of the rows for reasons of its own.
    if count < FEWEST_ROWS or trials.expectation.metrics:
        return None
    middle = count // 2
    halves = {"first": (0, middle), "second": (middle, count)}
    for part, (begin, end) in halves.items():
        change = rows.stretch(begin, end, "label-encoding", f"{part} half of the rows alone")
        trial = trials.control(change)
        if trial is None or not trial.verified:
            return None
    mixed = trials.control(rows.random_half(0, "label-encoding"), confirm=False)
    if mixed is None or mixed.passed:  # fewer rows are easier to learn, by heart or otherwise
        return None
    message = "each half of the rows is learnt alone, both together are not: their labels disagree"
    fix = "encode all labels by one mapping, fitted once"
    return {"cause": "label-encoding", "message": message, "fix": fix, "where": ("y",)}


def _like_the_best(trials: Trials, best: float) -> Intervention:
    """The permuted targets under the change that reached the lowest loss, where it was one."""
    permuted = targets.permuted(0)
    for trial in trials.like_the_failed_run:
        change = trials.changes.get(trial.change)
        if trial.losses[0] == best and change is not None:
            return permuted.combined(change)
    return permuted


def _inputs_and_targets(lab: Laboratory) -> tuple[Any, Any] | None:
    if lab.rows is None or lab.training.verb != "fit":
        return None
    leaves = list(batch_leaves(lab.rows.arrays))
    x = [array for name, array in leaves if name.startswith("x")]
    y = [array for name, array in leaves if name.startswith("y")]
    if len(x) != 1 or len(y) != 1 or x[0].dtype.kind not in "fiub":
        return None
    return x[0], y[0]


def _higher(best: float, bound: float | None) -> str:
    if bound is None:
        return ""
    return f"max_loss={1.05 * best if best > 0 else 0.95 * best:.3g}"


def _unknown(trials: Trials, best: float) -> str:
    tried = len(trials.done)
    reached = "" if math.isnan(best) else f"; the best of them reached {number(best)}"
    return f"none of {tried} changes made the test pass{reached}"
