"""Targets that cannot be reached: contradictions in the data, floors, and unrelated labels."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pytest_converge.columns.contradictions import contradicting_share
from pytest_converge.core.numbers import number, share
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis import labels, sentences
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.diagnosis.labels import RELATED
from pytest_converge.diagnosis.trials import Trials
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import rows
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.measures.broadcasting import outer_difference

__all__ = ["Verdict", "contradiction", "nothing_passed", "two_encodings"]

#: Rows with the same inputs and other targets, as a share of all, that explain a missed target.
CONTRADICTING = 0.1
#: A half of fewer rows is learnt by heart.
FEWEST_ROWS = 200
#: Random halves that have to fail: one may, by luck, also where no labels disagree.
RANDOM_HALVES = 2
#: Runs whose final losses differ by less than this share met the same floor.
SAME_FLOOR = 0.02
#: A longer run whose loss is lower by more than this share has met no floor yet.
STILL_GAINS = 0.1
#: Predictions beyond so many times the longest run say nothing.
FARTHEST = 64.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said where no repair passed."""

    cause: str
    message: str
    floor: float | None = None
    fix: str = ""


def contradiction(lab: Laboratory, trials: Trials, record: TrainingRecord) -> dict[str, Any] | None:
    """A cause that shows in the targets: shapes that broadcast, no probabilities, equal rows."""
    shapes = outer_difference(lab.training)
    if shapes is not None:
        message = (
            f"the loss subtracts shapes {shapes[0]} and {shapes[1]}, which broadcasts to a matrix"
            " of all pairs"
        )
        fix = "y = tf.reshape(y, (-1, 1))"
        return {"cause": "label-encoding", "message": message, "fix": fix, "where": ("y",)}
    unreadable = labels.out_of_range(lab)
    if unreadable:
        return {"cause": "label-encoding", "message": unreadable, "where": ("y",)}
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
    best = finite[0] if finite else math.nan
    if not finite or (bound is not None and best <= bound):  # what was missed is another gate
        return Verdict(cause="unknown", message=_unknown(trials, best))
    met = [loss for loss in finite if loss - best <= SAME_FLOOR * max(abs(best), 1e-12)]
    aim = f"max_loss={number(bound)}" if bound is not None else "the target"
    if trials.laboratory.training.full_batch and len(met) >= 3:
        message = f"no change gets below {number(best)}, {aim}: {len(met)} runs end there"
        return Verdict(
            cause="unreachable-target", message=message, floor=best, fix=_higher(best, bound)
        )
    slow = _only_slow(trials, bound)
    if slow is not None:
        return slow
    relation = labels.relation(trials, record, best)
    if relation is None:
        return Verdict(cause="unknown", message=_unknown(trials, best))
    if relation > RELATED:
        message = f"no change gets below {number(best)}, {aim}"
        return Verdict(
            cause="unreachable-target", message=message, floor=best, fix=_higher(best, bound)
        )
    return _unrelated(trials, record, clues, best)


def _unrelated(trials: Trials, record: TrainingRecord, clues: Clues, best: float) -> Verdict:
    """Labels that say nothing, unless it is the model that learns nothing."""
    lab = trials.laboratory
    if clues.dead:
        message = f"units of {sentences.named(tuple(clues.dead))} are dead on every row"
        return Verdict(cause="dead-units", message=message)
    if labels.are_inputs(lab) or not labels.learns_a_batch(lab, record):
        return Verdict(cause="unknown", message=_unknown(trials, best))
    message = "the targets are learnt no better than the same targets in random order"
    return Verdict(cause="labels-unrelated", message=message)


def _only_slow(trials: Trials, bound: float | None) -> Verdict | None:
    """More steps that still gain clearly, by which the target can be expected; not verified.

    The loss of the two longest runs is taken to go on as a power of the number of steps.
    """
    lab = trials.laboratory
    runs = [
        (lab.steps * trials.changes[t.change].steps_factor, t.losses[0])
        for t in trials.like_the_failed_run
        if t.code == "too-few-steps"
    ]
    if bound is None or not bound > 0 or len(runs) < 2:
        return None
    (short, before), (long, after) = sorted(runs)[-2:]
    if not 0 < bound < after < (1 - STILL_GAINS) * before:
        return None
    predicted = long * (bound / after) ** (math.log(long / short) / math.log(after / before))
    if not predicted <= FARTHEST * long:
        return None
    rounded = int(float(f"{predicted:.1g}"))
    message = (
        f"{number(before)} after {short} steps, {number(after)} after {long}: it still falls, and"
        f" would reach max_loss={number(bound)} in about {rounded}"
    )
    return Verdict(cause="too-few-steps", message=message, fix=f"steps={rounded}")


def two_encodings(lab: Laboratory, trials: Trials, record: TrainingRecord) -> dict[str, Any] | None:
    """Each half of the rows passes, a random half does not: the labels of the halves disagree."""
    count = 0 if lab.rows is None or lab.training.verb != "fit" else lab.rows.rows
    # A metric of a rare class may pass on half of the rows for reasons of its own.
    if count < FEWEST_ROWS or trials.expectation.metrics:
        return None
    middle = count // 2
    parts = {"first": (0, middle), "second": (middle, count)}
    halves = [
        rows.stretch(*ends, "label-encoding", f"{part} half of the rows alone")
        for part, ends in parts.items()
    ]
    for change in halves:
        trial = trials.control(change)
        if trial is None or not trial.verified:
            return None
    for seed in range(RANDOM_HALVES):  # fewer rows are easier to learn, by heart or otherwise
        mixed = trials.control(rows.random_half(seed, "label-encoding"), confirm=False)
        if mixed is None or mixed.passed:
            return None
    if not labels.strangers(lab, record, halves):
        return None
    message = "each half of the rows is learnt alone, both together are not: their labels disagree"
    fix = "encode all labels by one mapping, fitted once"
    return {"cause": "label-encoding", "message": message, "fix": fix, "where": ("y",)}


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
    tried = sum(not trial.control for trial in trials.done.values())
    reached = "" if math.isnan(best) else f"; the best of them reached {number(best)}"
    return f"none of {tried} changes made the test pass{reached}"
