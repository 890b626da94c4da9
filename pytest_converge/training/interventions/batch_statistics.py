"""Normalisation that has something to normalise: larger batches, training mode, or none at all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_operations import trained_in_calls
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["CODE", "in_training_mode", "larger_batches", "left_out"]

CODE = "batch-normalisation"
#: Rows of a batch from which the error of batch normalisation stays small (Wu and He 2018, Group
#: normalization, figure 1).
ENOUGH_ROWS = 16


def larger_batches(where: tuple[str, ...]) -> Intervention:
    """As many batches of `ENOUGH_ROWS` rows, in random order."""
    return Intervention(
        code=CODE,
        change=f"batches of {ENOUGH_ROWS} rows",
        fix=f"converge.fit(model, x, y, batch_size={ENOUGH_ROWS})",
        where=where,
        data=lambda rows: rows.in_batches_of(ENOUGH_ROWS),
    )


def in_training_mode(user: Training, where: tuple[str, ...]) -> Intervention:
    """Layers of batch normalisation called in training mode, whatever the step asks for."""
    layers = dict(named for model in user.models for named in named_layers(model))
    settings = [(layers[name], "call", _training(layers[name].call)) for name in where]
    own = trained_in_calls(user)
    return Intervention(
        code=CODE,
        change="batch normalisation in training mode",
        fix=own or "model(x, training=True)  # instead of model(x)",
        where=where,
        variant=lambda _: shadowed(settings),
        in_words=not own,
    )


def left_out(user: Training, where: tuple[str, ...]) -> Intervention:
    """Layers that hand on what comes in."""
    layers = dict(named for model in user.models for named in named_layers(model))
    settings = [(layers[name], "call", _handing_on(layers[name])) for name in where]
    return Intervention(
        code=CODE,
        change=f"{listed(where)} left out",
        fix="\n".join(f"keras.layers.Identity()  # layer {name}" for name in where),
        where=where,
        variant=lambda _: shadowed(settings),
    )


def _handing_on(layer: Any) -> Callable[..., Any]:
    """The inputs; the layer's weights take part with a gradient of 0, as Keras warns of none."""

    def call(inputs: Any, *_: Any, **__: Any) -> Any:
        nothing = [0.0 * tf.reduce_sum(weight) for weight in layer.trainable_weights]
        return inputs + tf.cast(tf.add_n(nothing), inputs.dtype) if nothing else inputs

    return call


def _training(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return original(inputs, training=True, mask=mask)

    return call
