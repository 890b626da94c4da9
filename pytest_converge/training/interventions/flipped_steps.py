"""Steps that backward recurrent layers put out, in the order of their inputs again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.model.reversed_steps import backward_layers, reversed_layers
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["flipped_steps"]

FLIP = "keras.layers.Lambda(lambda steps: keras.ops.flip(steps, axis=1))"


def flipped_steps(training: Training) -> Intervention | None:
    """The outputs of backward layers flipped along time, where each step should be in its place.

    Args:
        training: of models, whose batches are inputs and targets where they are compared.

    Returns:
        None where no such layer hands its steps on to where their order counts.
    """
    if not any(backward_layers(model) for model in training.models):
        return None
    compared = _compared(training)
    layers = [layer for model in training.models for layer in _faulty(model, compared)]
    if not layers:
        return None
    names = tuple(layer.name for layer in layers)
    each = "puts out its" if len(names) == 1 else "put out their"
    return Intervention(
        code="output-loss-mismatch",
        change=f"the steps of {listed(names)} flipped",
        fix="\n".join(f"{FLIP}  # behind {name}" for name in names),
        where=names,
        fault=f"{listed(names)} {each} steps in reversed order, the last one first",
        variant=lambda _: shadowed([(layer, "call", _flipped(layer)) for layer in layers]),
    )


def _faulty(model: Any, compared: list[int | None]) -> list[Any]:
    """The backward layers of a model whose order counts.

    Of one that is not made of Keras' symbolic tensors nobody sees what becomes of them: there it is
    all of them, where targets have steps.
    """
    if getattr(model, "outputs", None):
        return reversed_layers(model, compared)
    return backward_layers(model) if any(compared) else []


def _compared(training: Training) -> list[int | None]:
    """The steps of each target; None for those without."""
    batch = training.first_batch()
    targets = batch[1] if isinstance(batch, (list, tuple)) and len(batch) > 1 else []
    return [_steps(target) for target in keras.tree.flatten(targets)]


def _steps(target: Any) -> int | None:
    shape: tuple[int, ...] = tuple(getattr(target, "shape", ()))
    return int(shape[1]) if len(shape) > 1 and shape[1] > 1 else None


def _flipped(layer: Any) -> Callable[..., Any]:
    """The call of a layer that flips the steps; states that come with them stay."""
    original = layer.call

    @functools.wraps(original)
    def call(*args: Any, **settings: Any) -> Any:
        outputs = original(*args, **settings)
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([tf.reverse(outputs[0], [1]), *outputs[1:]])
        return tf.reverse(outputs, [1])

    return call
