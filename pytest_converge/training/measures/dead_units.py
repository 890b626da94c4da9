"""Units that put out nothing at the end of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.guard import is_ours
from pytest_converge.training.measures.gradients import measured_rows, undisturbed
from pytest_converge.training.measures.layer_readings import (
    RECTIFIERS,
    activation_of,
    named_layers,
    watched_calls,
)
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["dead_units"]


def dead_units(training: Training) -> Mapping[str, float]:
    """The share of dead units of every layer of ReLUs that has some, at the present weights.

    A unit is dead where it is 0 on all of at most 256 rows of the probe set. One forward pass in
    inference mode outside of any graph; changes no variable.

    Returns:
        An empty dict for a training without a model, without rows in memory, or whose model cannot
        be called on them.
    """
    model = training.model
    layers = {} if model is None else _rectifying(model)
    chunks = measured_rows(training) if layers else []
    if not chunks:
        return {}
    alive: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        if not training.pure_probe:
            stack.enter_context(undisturbed(training))
        for name, layer in layers.items():
            stack.enter_context(watched_calls(layer, _marking(alive, name)))
        inputs = [keras.utils.unpack_x_y_sample_weight(chunk.batch)[0] for chunk in chunks]
        try:
            for x in inputs:
                call_model(model, x, training=False)
        except Exception as error:
            if is_ours(error):
                raise
            return {}  # a model for a step of its own alone need not be callable
    shares = {name: 1.0 - float(units.numpy().mean()) for name, units in alive.items()}
    return {name: share for name, share in shares.items() if share}


def _rectifying(model: keras.Model) -> dict[str, Any]:
    return {name: x for name, x in named_layers(model) if activation_of(x) in RECTIFIERS}


def _marking(alive: dict[str, Any], name: str) -> Any:
    """A watch that keeps which units of a layer, on the last axis, ever put out anything."""

    def mark(_: Any, output: Any) -> None:
        if not isinstance(output, tf.Tensor) or not hasattr(output, "numpy"):
            return
        seen = tf.reduce_any(output != 0, axis=list(range(output.shape.rank - 1)))
        known = alive.get(name)
        if known is None:
            alive[name] = seen
        elif known.shape == seen.shape:
            alive[name] = known | seen

    return mark
