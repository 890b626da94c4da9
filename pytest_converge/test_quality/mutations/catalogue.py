"""The changes that code suffers by mistake, made on purpose: what a test ought to notice."""

from __future__ import annotations

import dataclasses

from pytest_converge.test_quality.mutations.label_noise import NOISE, noisy_labels
from pytest_converge.test_quality.mutations.layer_changes import (
    activation_removed,
    first_layer_frozen,
)
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.computation import computation
from pytest_converge.training.training import Training

__all__ = ["HALVED", "LOWERED", "Mutation", "mutations_of", "slower"]

#: Factors of the learning rate: the smallest change that a baseline of twenty runs tells from
#: chance on most models, and one that it tells on all.
LOWERED, HALVED = 0.7, 0.5
FROZEN, NOISY, LINEAR = "first layer frozen", f"{100 * NOISE:g} % label noise", "activation removed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change for the worse, or why it cannot be made.

    Attributes:
        name: the change in a few words.
        change: how to make it; None where the training does not allow it.
        reason: why it cannot be made; empty where it can.
    """

    name: str
    change: Intervention | None = None
    reason: str = ""


def mutations_of(training: Training) -> tuple[Mutation, ...]:
    """Every mutation of the catalogue, mild ones first, for this training.

    A learning rate multiplied by 0.7 and by 0.5, the first trained layer frozen, 5 % of the
    labels wrong, the first hidden activation removed.
    """
    return (
        _mutation(slower(LOWERED), _slower(training, LOWERED)),
        _mutation(slower(HALVED), _slower(training, HALVED)),
        _mutation(FROZEN, _frozen(training)),
        _mutation(NOISY, _noisy(training)),
        _mutation(LINEAR, _linear(training)),
    )


def slower(factor: float) -> str:
    """The name of the mutation that multiplies the learning rate."""
    return f"learning rate x {factor:g}"


def _mutation(name: str, made: Intervention | str) -> Mutation:
    if isinstance(made, str):
        return Mutation(name=name, reason=made)
    return Mutation(name=name, change=made)


def _slower(training: Training, factor: float) -> Intervention | str:
    if not training.optimizers:
        return "the optimizer of the step is not known"
    if any(observed.user_rate is None for observed in training.optimizers):
        return "the optimizer does not show its learning rate"
    return Intervention(code="", change=slower(factor), rate_factor=factor)


def _frozen(training: Training) -> Intervention | str:
    if training.model is None:
        return _no_layers(training)
    return first_layer_frozen(training.model) or "no layer but one has weights to train"


def _linear(training: Training) -> Intervention | str:
    if training.model is None:
        return _no_layers(training)
    return activation_removed(training.model) or "no hidden layer has an activation"


def _noisy(training: Training) -> Intervention | str:
    if training.data is None:
        return f"converge.{training.verb} does not see the data"
    rows = training.rows_in_memory
    if rows is None:
        return f"the rows are not in memory: {training.data.reason}"
    if not _has_targets(rows):
        return "the data has no targets"
    if training.own_train_step and rows.from_source and not computation(training).roles:
        return "only the train_step knows what the parts of the data are"
    return noisy_labels(rows)


def _has_targets(data: ArrayData) -> bool:
    """True for rows in the form (inputs, targets) or (inputs, targets, weights)."""
    arrays = data.arrays
    return isinstance(arrays, tuple) and len(arrays) in (2, 3) and arrays[1] is not None


def _no_layers(training: Training) -> str:
    return f"converge.{training.verb} does not see the layers"
