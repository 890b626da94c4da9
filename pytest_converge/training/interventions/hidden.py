"""Another activation of the hidden layers: one with a slope where theirs has none."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import attributes_set

__all__ = [
    "SQUASHING",
    "activations",
    "bounded_states",
    "is_of_keras",
    "plain_rectifiers",
    "rectified",
    "shifted_rectifiers",
]

#: Activations whose slope shrinks on both sides, and all of a bounded range.
SQUASHING = frozenset({"sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax"})
BOUNDED = SQUASHING | {"hard_tanh", "relu6"}
#: What makes of Keras' layer `ReLU` the plain rectifier max(x, 0).
PLAIN = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}


def activations(layers: list[keras.layers.Layer], activation: str, code: str) -> Intervention:
    """All given layers with the same activation (Glorot et al. 2011, deep sparse rectifiers)."""
    function = keras.activations.get(activation)
    return Intervention(
        code=code,
        change=f"hidden activations {activation}",
        fix=pasted.layer_lines((layer, {"activation": activation}) for layer in layers),
        where=tuple(layer.name for layer in layers),
        variant=lambda _: attributes_set([(layer, "activation", function) for layer in layers]),
    )


def is_of_keras(activation: str) -> bool:
    """Whether an activation is one of Keras', by its name; all others are the user's own."""
    return hasattr(keras.activations, activation)


def rectified(layers: list[Any], code: str) -> Intervention:
    """Layers with a rectifier, and in the place of which activation."""
    names = dict.fromkeys(layer.activation.__name__ for layer in layers)
    shown = "no activation" if [*names] == ["linear"] else " and ".join(names)
    change = activations(layers, "relu", code)
    known = all(map(is_of_keras, names))
    fault = "" if known else f"{shown} is no activation that {listed(change.where)} learns with"
    return dataclasses.replace(change, change=f"{change.change} instead of {shown}", fault=fault)


def bounded_states(layers: list[Any], code: str) -> Intervention | None:
    """Recurrent layers with tanh in the place of an activation without bounds; None without any.

    The state is multiplied by the same weights in every step of a row, so that what has no bound
    grows with the length.
    """
    cells = [(x, x.cell) for x in layers if hasattr(getattr(x, "cell", None), "activation")]
    open_ended = [(x, c) for x, c in cells if c.activation.__name__ not in BOUNDED]
    if not open_ended:
        return None
    names = tuple(dict.fromkeys(layer.name for layer, _ in open_ended))
    which = listed(tuple(dict.fromkeys(cell.activation.__name__ for _, cell in open_ended)))
    change = [(cell, "activation", keras.activations.tanh) for _, cell in open_ended]
    grows = f"state of {names[0]} grows" if len(names) == 1 else f"states of {listed(names)} grow"
    return Intervention(
        code=code,
        change="recurrent activation tanh",
        fix=pasted.layer_lines((layer, {"activation": "tanh"}) for layer, _ in open_ended),
        where=names,
        fault=f"the {grows} from step to step under {which}",
        variant=lambda _: attributes_set(change),
    )


def shifted_rectifiers(layers: list[keras.layers.Layer]) -> list[Any]:
    """The layers `ReLU` that are 0 below a threshold above 0, as `ReLU(threshold=6)`."""
    return [x for x in layers if type(x) is keras.layers.ReLU and float(x.threshold or 0.0) > 0.0]


def plain_rectifiers(layers: list[keras.layers.Layer], code: str) -> Intervention:
    """Layers `ReLU` as max(x, 0), without threshold, bound and slope of their own."""
    changes = [(layer, name, value) for layer in layers for name, value in PLAIN.items()]
    names = tuple(layer.name for layer in layers)
    largest = max(float(layer.threshold or 0.0) for layer in layers)
    return Intervention(
        code=code,
        change="plain ReLU layers",
        fix=pasted.layer_lines((layer, PLAIN) for layer in layers),
        where=names,
        fault=f"{listed(names)} gives 0 up to threshold={largest:g}, where a bound is max_value",
        variant=lambda _: attributes_set(changes),
    )
