"""The loss of a batch as the mean over its rows, where it is their sum."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import learning_rate, pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.own_steps import loss_changed
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import with_loss
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["averaged", "is_told_to_sum"]

#: What Keras calls the mean over the rows.
MEAN = "sum_over_batch_size"


def is_told_to_sum(training: Training) -> bool:
    """True where a compiled loss, or one of several, has `reduction="sum"`."""
    known = [] if training.model is None else loss_names(training.model.loss)
    return any(_sums(loss) for _, loss in known)


def _sums(loss: Any) -> bool:
    return isinstance(loss, keras.losses.Loss) and loss.reduction == "sum"


def averaged(
    training: Training, rows: int, *, rate: float, rose: bool, factor: float | None
) -> Intervention:
    """The mean over the rows in place of their sum, or the rate of it where losses are several.

    Args:
        training: whose loss is a sum.
        rows: of a batch.
        rate: the learning rate.
        rose: True where the failed run diverged: its steps were too long.
        factor: what the mean does to the unit of the loss, as the bound has it.
    """
    known = [] if training.model is None else loss_names(training.model.loss)
    told = not training.own_step and len(known) > 1 and any(_sums(loss) for _, loss in known)
    one = "one of the losses" if told else "the loss"
    means = f": steps are {rows} times longer" if rose else ", not averaged"
    fault = f"{one} is summed over the {rows} rows of a batch{means}"
    if not training.own_step and len(known) != 1 and not told:
        slower = learning_rate.scaled(training, rate, 1 / rows)
        return dataclasses.replace(slower, fault=fault)
    if training.own_step:
        mean: Variant = functools.partial(_divided, rows=rows)
        code = _in_step(training, rows)
    elif told:
        mean, code = _means_of_several(training.model.loss)
    else:
        mean, code = _mean_of(known[0][1])
    return Intervention(
        code="learning-rate-too-high" if rose else "output-loss-mismatch",
        change="the mean over the rows",
        fix=code,
        fault=fault,
        variant=mean,
        loss_factor=factor,
        rate_factor=1 / rows if training.scales_updates else 1.0,
    )


def _in_step(training: Training, rows: int) -> str:
    own = loss_changed(training, lambda code: f"{code} / {rows}")
    if own:
        return own
    name = learning_rate.name_of_step(training)
    return f"# in {name}: loss = loss / {rows}, as tf.reduce_mean over the rows"


@contextlib.contextmanager
def _divided(training: Training, *, rows: int) -> Iterator[None]:
    """What a step of the user's returns and what its optimizers get, divided by the rows.

    Updates that it makes by itself are multiplied from outside.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(attributes_set([(training, "loss_factor", 1 / rows)]))
        for observed in training.optimizers:
            stack.enter_context(shadowed([_of_less(observed.optimizer, rows)]))
        yield


def _of_less(optimizer: Any, rows: int) -> tuple[Any, str, Callable[..., Any]]:
    """(optimizer, method, the method for gradients divided by the rows)."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        apply = optimizer.apply

        def of_less(grads: Any, trainable_variables: Any = None) -> Any:
            return apply([_share(gradient, rows) for gradient in grads], trainable_variables)

        return optimizer, "apply", of_less
    apply_gradients = optimizer.apply_gradients

    def of_less_pairs(grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
        pairs = [(_share(gradient, rows), variable) for gradient, variable in grads_and_vars]
        return apply_gradients(pairs, *args, **kwargs)

    return optimizer, "apply_gradients", of_less_pairs


def _share(gradient: Any, rows: int) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values / rows, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient / rows


def _mean_of(loss: Any) -> tuple[Variant, str]:
    """(the loss averaged, the code of it)."""
    if _sums(loss):
        config = {**loss.get_config(), "reduction": MEAN}
        averaged_ = type(loss).from_config(config)
        return _compiled(averaged_), f"loss={pasted.call(type(loss), config)}"

    def mean(y: Any, predictions: Any) -> Any:
        return loss(y, predictions) / tf.cast(tf.shape(y)[0], "float32")

    name, first = pasted.compiled_loss(loss)
    code = f'{first}loss=lambda y, p: {name}(y, p) / tf.cast(tf.shape(y)[0], "float32")'
    return _compiled(mean), code


def _means_of_several(losses: Any) -> tuple[Variant, str]:
    """(the losses of a model, those that are summed averaged, the code of these)."""
    lines: list[str] = []

    def mean(loss: Any) -> Any:
        if not _sums(loss):
            return loss
        config = {**loss.get_config(), "reduction": MEAN}
        old, new = (pasted.call(type(loss), c) for c in (loss.get_config(), config))
        lines.append(f"{new}  # instead of {old}")
        return type(loss).from_config(config)

    return _compiled(keras.tree.map_structure(mean, losses)), "\n".join(dict.fromkeys(lines))


def _compiled(loss: Any) -> Variant:
    return lambda changed: with_loss(changed.model, loss)
