"""Penalties, dropout and smoothed labels switched off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.keras_internals import Setting, added_losses, own_variables
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import layers_of, with_loss
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = [
    "adding_layers",
    "constrained_layers",
    "dropout_layers",
    "penalised_layers",
    "smoothed_loss",
    "without_added_losses",
    "without_constraints",
    "without_dropout",
    "without_penalties",
    "without_smoothing",
]

#: Where Keras' layers keep the penalties of what they compute; those of weights are on the weights.
ACTIVITY = "activity_regularizer"
#: Where its layers keep shares of units to drop, and the size of the noise they add.
DROPOUT = ("rate", "dropout", "recurrent_dropout", "stddev")
#: The usual share of a label that is spread over all classes (Szegedy et al. 2016,
#: arXiv:1512.00567, section 7); less hardly lifts the least loss.
USUAL_SMOOTHING = 0.1


def penalised_layers(model: keras.Model) -> list[Any]:
    """The layers with a penalty on weights or activity."""
    return [
        layer
        for layer in layers_of(model)
        if getattr(layer, ACTIVITY, None) is not None
        or any(getattr(v, "regularizer", None) is not None for v in own_variables(layer))
    ]


def dropout_layers(model: keras.Model) -> list[Any]:
    """The layers that drop units while they are trained."""
    return [layer for layer in layers_of(model) if _dropping(layer)]


def constrained_layers(model: keras.Model) -> list[Any]:
    """The layers whose weights are projected after every update."""
    return [layer for layer in layers_of(model) if _constrained(layer)]


def adding_layers(model: keras.Model) -> list[Any]:
    """The layers that added a term to the loss by `add_loss` when they were called last."""
    every = [model, *layers_of(model)]
    return [x for x in every if added_losses(x) and getattr(x, ACTIVITY, None) is None]


def smoothed_loss(model: keras.Model) -> Any:
    """The only compiled loss where it smooths labels by the usual share or more; else None."""
    known = loss_names(model.loss)
    loss = known[0][1] if len(known) == 1 and known[0][0] else None
    if not isinstance(loss, keras.losses.Loss):
        return None
    share = loss.get_config().get("label_smoothing") or 0.0
    return loss if share >= USUAL_SMOOTHING else None


def without_added_losses(layers: list[keras.layers.Layer]) -> Intervention:
    """The compiled loss alone: what layers add to it by `add_loss` is left out."""
    return Intervention(
        code="regularisation-too-strong",
        change="losses of add_loss off",
        fix="self.add_loss(weight * penalty)  # a smaller weight",
        where=tuple(layer.name for layer in layers),
        variant=lambda _: shadowed([(layer, "add_loss", lambda loss: None) for layer in layers]),
    )


def without_smoothing(loss: Any) -> Intervention:
    """The same loss on the labels as they are."""
    plain = type(loss).from_config({**loss.get_config(), "label_smoothing": 0.0})
    share = loss.get_config()["label_smoothing"]
    return Intervention(
        code="regularisation-too-strong",
        change=f"label smoothing off instead of {share:g}",
        fix=f"loss=keras.losses.{type(loss).__name__}({_settings(plain)})",
        variant=lambda training: with_loss(training.model, plain),
    )


def without_constraints(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers with free weights."""

    def changes() -> list[Setting]:
        return [(v, "constraint", None) for layer in layers for v in _constrained(layer)]

    return _set(layers, changes, "weight constraints off", "kernel_constraint=None")


def without_penalties(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers without their L1 and L2 penalties."""

    def changes() -> list[Setting]:
        weights = [v for layer in layers for v in own_variables(layer)]
        held = [v for v in weights if v.regularizer is not None]
        found: list[Setting] = [(v, "regularizer", None) for v in held]
        active = [layer for layer in layers if getattr(layer, ACTIVITY, None) is not None]
        return found + [(layer, ACTIVITY, None) for layer in active]

    return _set(layers, changes, "L1 and L2 penalties off", "kernel_regularizer=None")


def without_dropout(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers without dropout."""

    def changes() -> list[Setting]:
        return [(layer, name, 0.0) for layer in layers for name in _dropping(layer)]

    return _set(layers, changes, "dropout and noise off", "keras.layers.Dropout(0.0)")


def _set(
    layers: list[keras.layers.Layer], changes: Callable[[], list[Setting]], change: str, fix: str
) -> Intervention:
    """Attributes of layers and variables set to other values meanwhile."""
    return Intervention(
        code="regularisation-too-strong",
        change=change,
        fix=fix,
        where=tuple(layer.name for layer in layers),
        variant=lambda _: attributes_set(changes()),
    )


def _settings(loss: Any) -> str:
    """The settings of a loss that are not its usual ones, as arguments."""
    usual = type(loss)().get_config()
    config = {name: value for name, value in loss.get_config().items() if name != "name"}
    return ", ".join(f"{k}={v!r}" for k, v in config.items() if v != usual.get(k))


def _constrained(layer: keras.layers.Layer) -> list[Any]:
    return [v for v in own_variables(layer) if getattr(v, "constraint", None) is not None]


def _dropping(layer: keras.layers.Layer) -> list[str]:
    """The settings by which a layer drops units or adds noise while it is trained."""
    kind = type(layer).__name__
    names = [n for n in DROPOUT if n != "rate" or "Dropout" in kind]
    names = [n for n in names if n != "stddev" or "Noise" in kind]
    values = {name: getattr(layer, name, 0) for name in names}
    return [n for n, v in values.items() if isinstance(v, (int, float)) and v > 0]
