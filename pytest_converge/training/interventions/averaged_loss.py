"""The loss of a batch as the mean over its rows, where it is their sum."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import learning_rate, pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import with_loss
from pytest_converge.training.training import Training

__all__ = ["averaged", "is_told_to_sum"]

#: What Keras calls the mean over the rows.
MEAN = "sum_over_batch_size"


def is_told_to_sum(training: Training) -> bool:
    """True for a compiled loss with `reduction="sum"`."""
    known = [] if training.model is None else loss_names(training.model.loss)
    return len(known) == 1 and getattr(known[0][1], "reduction", "") == "sum"


def averaged(
    training: Training, rows: int, *, rate: float, rose: bool, factor: float | None
) -> Intervention:
    """The mean over the rows in place of their sum, or the rate of it where the loss is hidden.

    Args:
        training: whose loss is a sum.
        rows: of a batch.
        rate: the learning rate.
        rose: True where the failed run diverged: its steps were too long.
        factor: what the mean does to the unit of the loss, as the bound has it.
    """
    fault = f"the loss is summed over the {rows} rows of a batch, not averaged"
    if rose:
        fault = f"the loss is summed over the {rows} rows of a batch: steps are {rows} times longer"
    known = [] if training.model is None else loss_names(training.model.loss)
    if training.own_train_step or len(known) != 1:
        slower = learning_rate.scaled(training, rate, 1 / rows)
        return dataclasses.replace(slower, fault=fault)
    mean, code = _mean_of(known[0][1])
    return Intervention(
        code="learning-rate-too-high" if rose else "output-loss-mismatch",
        change="the mean over the rows",
        fix=code,
        fault=fault,
        variant=lambda changed: with_loss(changed.model, mean),
        loss_factor=factor,
    )


def _mean_of(loss: Any) -> tuple[Any, str]:
    """(the loss averaged, the code of it)."""
    if isinstance(loss, keras.losses.Loss) and loss.reduction == "sum":
        config = {**loss.get_config(), "reduction": MEAN}
        return type(loss).from_config(config), f"loss={pasted.call(type(loss), config)}"

    def mean(y: Any, predictions: Any) -> Any:
        return loss(y, predictions) / tf.cast(tf.shape(y)[0], "float32")

    named = getattr(loss, "__name__", "").isidentifier()
    name, first = (loss.__name__, "") if named else ("own", "own = model.loss\n")
    return mean, f'{first}loss=lambda y, p: {name}(y, p) / tf.cast(tf.shape(y)[0], "float32")'
