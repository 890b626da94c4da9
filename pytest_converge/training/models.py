"""Keras models from outside: built, called, and asked what their output depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state

from pytest_converge.core.errors import InvalidTrainingError, complaint
from pytest_converge.training.data import Batch

__all__ = [
    "call_model",
    "compute_loss",
    "create_all_variables",
    "create_variables",
    "global_seed",
    "has_own_train_step",
    "is_seed",
    "layers_of",
    "loss_of_logs",
    "training_matters",
]


def create_variables(model: Any, batch: Batch) -> None:
    """Creates the weights of a model that waits for its first batch; runs and changes nothing."""
    if all(layer.built for layer in [model, *layers_of(model)]):
        return
    if has_own_train_step(model):
        tf.function(model.train_step, autograph=False).get_concrete_function(batch)
    else:
        model._symbolic_build(data_batch=batch)


def create_all_variables(model: Any, batch: Batch) -> None:
    """Creates weights, metrics and optimizer slots, so that the loop is traced only once.

    A model with a step of its own need not define what Keras builds it from; where it is not built
    yet, the loop's first trace creates its variables and TensorFlow traces again.
    """
    if not has_own_train_step(model):
        model._symbolic_build(data_batch=batch)
    elif not model.optimizer.built and all(layer.built for layer in layers_of(model)):
        model.optimizer.build(model.trainable_variables)


def has_own_train_step(model: Any) -> bool:
    """True for a model whose class replaces Keras' `train_step`."""
    return type(model).train_step is not keras.Model.train_step


def call_model(model: Any, x: Any, training: bool) -> Any:
    """The model's output; `training` reaches a model whose `call` takes it."""
    if getattr(model, "_call_has_training_arg", True):
        return model(x, training=training)
    return model(x)


def compute_loss(
    model: Any, x: Any, y: Any, predictions: Any, sample_weight: Any, training: bool
) -> Any:
    """The model's compiled loss with regularisation, through an override where there is one."""
    if getattr(model, "_compute_loss_has_training_arg", True):
        return model.compute_loss(x, y, predictions, sample_weight, training=training)
    return model.compute_loss(x, y, predictions, sample_weight)


def training_matters(model: Any) -> bool:
    """False where training and inference mode give the same output: no random or averaging layer.

    Such layers of Keras keep a seed generator or moving averages; of others nothing is known.
    """
    if model.non_trainable_variables:
        return True
    return any(
        getattr(layer, "_call_has_training_arg", True)
        and not type(layer).__module__.startswith("keras.")
        for layer in [model, *layers_of(model)]
    )


def loss_of_logs(logs: Any) -> Any:
    """The loss in what a `train_step` returned: a dict with a loss, or the loss alone."""
    if isinstance(logs, Mapping) and "loss" in logs:
        return tf.cast(tf.convert_to_tensor(logs["loss"]), tf.float32)
    if isinstance(logs, Mapping) or logs is None:
        raise _no_loss(logs)
    return tf.cast(tf.convert_to_tensor(logs), tf.float32)


def _no_loss(logs: Any) -> Exception:
    given = f"a train_step that returned {sorted(logs) if logs else logs!r}"
    remedy = 'Return {"loss": loss, ...} from train_step.'
    return InvalidTrainingError(complaint(given, "a dict with the key 'loss'", remedy))


def layers_of(model: Any) -> list[Any]:
    """Every layer of a model, nested ones included, the model itself left out."""
    return list(model._flatten_layers(include_self=False))


def is_seed(variable: Any) -> bool:
    """True for the state of a Keras seed generator."""
    return str(getattr(variable, "name", "")).startswith("seed_generator_state")


def global_seed() -> list[Any]:
    """The state of the generator that layers without a seed share, once there is one."""
    generator = global_state.get_global_attribute("global_seed_generator")
    return [] if generator is None else [generator.state]
