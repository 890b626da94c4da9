"""Penalties of the weights and dropout switched off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pytest_converge.training.intervention import Intervention
from pytest_converge.training.models import attributes_set, layers_of
from pytest_converge.training.training import Training

__all__ = [
    "constrained_layers",
    "dropout_layers",
    "penalised_layers",
    "without_constraints",
    "without_dropout",
    "without_penalties",
]

#: Where Keras' layers keep the penalties of what they compute; those of weights are on the weights.
ACTIVITY = "activity_regularizer"
#: Where its layers keep shares of units to drop, and the size of the noise they add.
DROPOUT = ("rate", "dropout", "recurrent_dropout", "stddev")


def penalised_layers(model: Any) -> list[Any]:
    """The layers with a penalty on weights or activity."""
    return [
        layer
        for layer in layers_of(model)
        if getattr(layer, ACTIVITY, None) is not None
        or any(getattr(v, "regularizer", None) is not None for v in layer._trainable_variables)
    ]


def dropout_layers(model: Any) -> list[Any]:
    """The layers that drop units while they are trained."""
    return [layer for layer in layers_of(model) if _dropping(layer)]


def constrained_layers(model: Any) -> list[Any]:
    """The layers whose weights are projected after every update."""
    return [layer for layer in layers_of(model) if _constrained(layer)]


def without_constraints(layers: list[Any]) -> Intervention:
    """The same layers with free weights."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        weights = [v for layer in layers for v in _constrained(layer)]
        with attributes_set([(v, "constraint", None) for v in weights]):
            yield

    return Intervention(
        code="regularisation-too-strong",
        change="weight constraints off",
        fix="kernel_constraint=None",
        where=tuple(layer.name for layer in layers),
        variant=variant,
    )


def without_penalties(layers: list[Any]) -> Intervention:
    """The same layers without their L1 and L2 penalties."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        weights = [v for layer in layers for v in layer._trainable_variables]
        changes = [(v, "regularizer", None) for v in weights if v.regularizer is not None]
        changes += [(x, ACTIVITY, None) for x in layers if getattr(x, ACTIVITY, None) is not None]
        with attributes_set(changes):
            yield

    return Intervention(
        code="regularisation-too-strong",
        change="L1 and L2 penalties off",
        fix="kernel_regularizer=None",
        where=tuple(layer.name for layer in layers),
        variant=variant,
    )


def without_dropout(layers: list[Any]) -> Intervention:
    """The same layers without dropout."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        changes = [(layer, name, 0.0) for layer in layers for name in _dropping(layer)]
        with attributes_set(changes):
            yield

    return Intervention(
        code="regularisation-too-strong",
        change="dropout and noise off",
        fix="keras.layers.Dropout(0.0)",
        where=tuple(layer.name for layer in layers),
        variant=variant,
    )


def _constrained(layer: Any) -> list[Any]:
    return [v for v in layer._trainable_variables if getattr(v, "constraint", None) is not None]


def _dropping(layer: Any) -> list[str]:
    """The settings by which a layer drops units or adds noise while it is trained."""
    kind = type(layer).__name__
    names = [n for n in DROPOUT if n != "rate" or "Dropout" in kind]
    names = [n for n in names if n != "stddev" or "Noise" in kind]
    values = {name: getattr(layer, name, 0) for name in names}
    return [n for n, v in values.items() if isinstance(v, (int, float)) and v > 0]
