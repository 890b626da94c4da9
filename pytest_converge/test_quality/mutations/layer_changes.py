"""Mutations of a model: its first trained layer frozen, its first hidden activation removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import reconfigured
from pytest_converge.training.keras_internals import (
    child_layers,
    own_variables,
    trainable_set_to,
)
from pytest_converge.training.model.structure import output_layer
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["activation_removed", "first_layer_frozen"]

#: Layers that are nothing but an activation and do not hold it as an attribute.
ACTIVATION_LAYERS = ("ReLU", "LeakyReLU", "ELU")


def first_layer_frozen(model: keras.Model) -> Intervention | None:
    """The first layer with a trained matrix keeps its initial weights.

    None where nothing else is trained: then there would be no training left. Normalisations are
    passed over: frozen ones compute something else.
    """
    trained = {id(v) for v in model.trainable_variables}
    for layer in _in_order(model):
        own = [v for v in own_variables(layer) if id(v) in trained]
        if any(len(v.shape) > 1 for v in own):
            break
    else:
        return None
    if len(own) == len(trained):
        return None

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(attributes_set([trainable_set_to(v, False) for v in own]))
            if getattr(training.optimizers[0].optimizer, "use_ema", False):
                # Averages of the weights are kept for all that the optimizer was built for.
                new = reconfigured(training.optimizers[0])
                stack.enter_context(training.with_optimizer(new))
            yield

    return Intervention(code="", change="first layer frozen", where=(layer.name,), variant=variant)


def activation_removed(model: keras.Model) -> Intervention | None:
    """The first hidden layer whose activation is not linear made linear.

    Of a recurrent layer it is the activation of its cell, not that of its gates. None where no
    hidden layer has one.
    """
    output = output_layer(model)
    last = model.layers[-1] if model.layers else None
    for layer in _in_order(model):
        if layer is output or getattr(output, "cell", None) is layer or layer is last:
            continue
        if type(layer).__name__ in ACTIVATION_LAYERS:
            return _replaced(layer, "call", lambda inputs, **_: inputs)
        activation = layer.__dict__.get("activation")
        if activation is not None and activation is not keras.activations.linear:
            return _replaced(layer, "activation", keras.activations.linear)
    return None


def _replaced(layer: keras.layers.Layer, name: str, value: Any) -> Intervention:
    # Keras refuses layers as attributes of a built layer.
    return Intervention(
        code="",
        change="activation removed",
        where=(layer.name,),
        variant=lambda _: shadowed([(layer, name, value)]),
    )


def _in_order(layer: keras.layers.Layer) -> Iterator[Any]:
    """The layers within a model in the order in which it lists them, each before its parts."""
    seen: set[int] = set()

    def below(owner: Any) -> Iterator[Any]:
        for child in child_layers(owner):
            if id(child) not in seen:
                seen.add(id(child))
                yield child
                yield from below(child)

    return below(layer)
