"""What can be said of labels: out of range, disagreeing, or unrelated to the inputs."""

from __future__ import annotations

import math

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.trials import OutOfTimeError, Trials
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import labels, targets
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.model.losses import loss_names

__all__ = [
    "RELATED",
    "are_inputs",
    "into_range",
    "learns_a_batch",
    "out_of_range",
    "relation",
    "strangers",
]

#: Advantage of the best run over one with permuted targets that shows a relation, as a share of the
#: loss of the best constant; and that of one batch learnt by heart, or of permuted targets.
RELATED = 0.05


def out_of_range(lab: Laboratory) -> str:
    """The targets that the compiled cross-entropy cannot read, in words; empty for none."""
    name, found = _crossentropy(lab), None if lab.rows is None else lab.rows.arrays
    counted = labels.counted_target(found) if name else None
    what = "" if counted is None else labels.beyond(name, counted)
    return f"the targets hold {what}, where {name} reads probabilities" if what else ""


def into_range(lab: Laboratory) -> list[Intervention]:
    """The repairs of targets out of range."""
    name = _crossentropy(lab)
    counted = labels.counted_target(lab.rows.arrays) if name and lab.rows is not None else None
    return [] if counted is None else labels.into_range(name, counted)


def are_inputs(lab: Laboratory) -> bool:
    """True where the targets are the inputs themselves, as in an autoencoder."""
    return lab.rows is not None and targets_are_inputs(batch_leaves(lab.rows.arrays))


def learns_a_batch(lab: Laboratory, record: TrainingRecord) -> bool:
    """Whether the model gets clearly below the best constant on one batch alone.

    A model that does not even do that says nothing about its labels.
    """
    try:
        reading = lab.overfits_one_batch()
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return False
    constant = record.constant_loss
    if reading is None or constant is None or not math.isfinite(reading.final):
        return False
    return constant - reading.final > RELATED * constant


def relation(trials: Trials, record: TrainingRecord, best: float) -> float | None:
    """By how much of the constant loss the best run beats the same on permuted targets.

    Where the permuted ones are learnt by heart as well, the failed run is compared with its own
    like: in fewer steps less is learnt so. None where that does not help either.
    """
    constant = record.constant_loss
    if constant is None or not constant > 0 or trials.laboratory.rows is None:
        return None
    trials.budget = math.inf  # the control is one run, and without it nothing can be said
    control = _loss_of(trials, _like_the_best(trials, best))
    if control is None:
        return None
    gained = (min(control, constant) - best) / constant
    if gained > RELATED or constant - control <= RELATED * constant:
        return gained
    own = _loss_of(trials, targets.permuted(0))
    if own is None:
        return None
    of_own = (min(own, constant) - record.curve.last) / constant
    by_heart = constant - own > RELATED * constant
    return of_own if of_own > RELATED or not by_heart else None


def _loss_of(trials: Trials, permuted: Intervention) -> float | None:
    try:
        control = trials.control(permuted, confirm=False)
    except OutOfTimeError:
        return None
    return control.losses[0] if control and math.isfinite(control.losses[0]) else None


def _like_the_best(trials: Trials, best: float) -> Intervention:
    """The permuted targets under the change that reached the lowest loss, where it was one."""
    permuted = targets.permuted(0)
    for trial in trials.like_the_failed_run:
        change = trials.changes.get(trial.change)
        if trial.losses[0] == best and change is not None:
            return permuted.combined(change)
    return permuted


def strangers(lab: Laboratory, record: TrainingRecord, halves: list[Intervention]) -> bool:
    """Whether a model of either half is no better than a constant on the other.

    Labels by another mapping are worse than unknown ones; those of the same mapping are not.
    """
    constant = record.constant_loss
    if constant is None:
        return True
    first, second = halves
    pairs = ((first, second), (second, first))
    return all(not lab.loss_on_others(own, other) < constant for own, other in pairs)


def _crossentropy(lab: Laboratory) -> str:
    """The name of the only compiled loss where it takes probabilities; empty for others."""
    training = lab.training
    if not isinstance(training, ModelTraining) or training.own_train_step:
        return ""
    names = [name for name, _ in loss_names(training.model.loss)]
    return names[0] if len(names) == 1 and names[0] in labels.PROBABILITIES else ""
