"""Rare classes: whether a metric is missed because the loss hardly counts them."""

from __future__ import annotations

import math

from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.diagnosis.trials import Trials, only_metrics_missed
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.interventions import class_weights, learning_rate, outputs, steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.model.losses import loss_names

__all__ = ["knows_frequencies", "weighted_classes"]

#: A class is rare below this part of an even share: 20 % of two classes, from where Google's
#: Machine Learning Crash Course calls an imbalance moderate or worse.
RARE = 0.4
#: The frequencies are learnt first, by the biases: so much of the way to them may be left.
MOST_LEFT = 0.2
#: What anybody would try before: a rate of so many times, and so many times the steps.
FASTER, LONGER = 10.0, 4


def weighted_classes(
    lab: Laboratory, trials: Trials, record: TrainingRecord, clues: Clues
) -> tuple[Intervention, str] | None:
    """The classes weighted alike, where that is what a missed metric asks for; and why.

    Only where a bounded metric is all that is missed, the model has learnt at least how frequent
    the classes are, one class is rare, and neither a faster nor a longer training would do.
    """
    if not only_metrics_missed(record, trials.expectation) or not knows_frequencies(record):
        return None
    shares = _shares(lab)
    if not shares or min(shares.values()) >= RARE / len(shares):
        return None
    if _time_would_do(lab, trials, clues):
        return None
    change, rarest = class_weights.balanced(shares), min(shares, key=lambda label: shares[label])
    part = f"{100 * shares[rarest]:.2g} %"
    message = f"class {rarest} is {part} of the rows; the bounds are met with {change.change}"
    return change, message


def knows_frequencies(record: TrainingRecord) -> bool:
    """False where the loss is still far above that of the best constant: a slow training."""
    constant, first, last = record.constant_loss, record.curve.first, record.curve.last
    return constant is None or last - constant <= MOST_LEFT * max(first - constant, 0.0)


def _shares(lab: Laboratory) -> dict[int, float]:
    """The share of each class; empty where there are no classes, or weights already."""
    training, rows = lab.training, lab.rows
    if not isinstance(training, ModelTraining) or training.own_train_step or rows is None:
        return {}
    names = [name for name, _ in loss_names(training.model.loss)]
    if len(names) != 1 or names[0] not in outputs.FITTING:
        return {}
    if not isinstance(rows.arrays, tuple) or len(rows.arrays) != 2:
        return {}
    return (
        {}
        if isinstance(rows.arrays[1], (dict, list))
        else class_weights.class_shares(rows.arrays[1])
    )


def _time_would_do(lab: Laboratory, trials: Trials, clues: Clues) -> bool:
    """Whether a larger rate or more steps meet the bounds on the failed run's own seed."""
    changes = [steps.more(lab.steps, LONGER)]
    if math.isfinite(clues.rate) and clues.rate:
        changes.insert(0, learning_rate.scaled(lab.training, clues.rate, FASTER))
    tried = (trials.try_out(change, confirm=False) for change in changes)
    return any(trial is not None and trial.passed > 0 for trial in tried)
