"""Wider hidden layers: the proof that a model was too small."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.optimizers import reconfigured
from pytest_converge.training.keras_internals import own_variables
from pytest_converge.training.model.structure import (
    compiled_metrics,
    create_all_variables,
    output_layer,
)
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["deeper", "of_another_model", "wider"]

#: Times the units, filters or embedded numbers of every hidden layer, and at least so many.
FACTOR, FEWEST = 8, 32
SIZES = ("units", "filters", "output_dim")
#: Units of a hidden layer where there was none.
HIDDEN_UNITS = 64


def wider(model: keras.Model) -> Intervention | None:
    """The same model with more units in its hidden layers; None where Keras cannot clone it."""
    output = output_layer(model)
    hidden = [layer for layer in model.layers if layer is not output and _size(layer)]
    hidden = [layer for layer in hidden if not _is_offset(layer, hidden)]
    if not hidden or type(model).__name__ not in ("Sequential", "Functional"):
        return None

    def enlarged(layer: keras.layers.Layer) -> Any:
        config = layer.get_config()
        name = _size(layer)
        if name and layer in hidden:
            config[name] = max(FACTOR * config[name], FEWEST)
        return type(layer).from_config(config)

    def larger() -> Any:
        # Cloning would compile the copy too, from a configuration that our observer is part of.
        with attributes_set([(model, "compiled", False)]):
            return keras.models.clone_model(model, clone_function=enlarged)

    return Intervention(
        code="too-small-capacity",
        change=f"hidden layers {FACTOR} times as wide",
        fix=pasted.layer_lines(
            (x, {_size(x): max(FACTOR * getattr(x, _size(x)), FEWEST)}) for x in hidden
        ),
        where=tuple(layer.name for layer in hidden),
        variant=of_another_model(larger),
    )


def deeper(model: keras.Model) -> Intervention | None:
    """A hidden layer in front of the output of a model that has none; None for other models."""
    output = output_layer(model)
    weighted = [layer for layer in model.layers if own_variables(layer)]
    if type(model).__name__ != "Sequential" or weighted != [output]:
        return None

    def larger() -> Any:
        layers = [type(layer).from_config(layer.get_config()) for layer in model.layers]
        layers.insert(
            model.layers.index(output), keras.layers.Dense(HIDDEN_UNITS, activation="relu")
        )
        return keras.Sequential([keras.Input(model.input_shape[1:]), *layers])

    return Intervention(
        code="too-small-capacity",
        change=f"a hidden layer of {HIDDEN_UNITS} units",
        fix=f'keras.layers.Dense({HIDDEN_UNITS}, activation="relu")  # before the output',
        where=(output.name,),
        variant=of_another_model(larger),
    )


def of_another_model(make: Callable[[], Any]) -> Variant:
    """The variant of a training with the model that `make` makes."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        model = make()
        optimizer = reconfigured(training.optimizers[0])
        metrics = compiled_metrics(training.model)
        model.compile(optimizer, training.model.loss, metrics=metrics, jit_compile=False)
        create_all_variables(model, training.first_batch())
        with training.with_model(model):
            yield

    return variant


def _is_offset(layer: keras.layers.Layer, others: list[Any]) -> bool:
    """True for an embedding of one number beside wider ones: a bias of its row, not a width."""
    sizes = [x.output_dim for x in others if isinstance(x, keras.layers.Embedding)]
    return isinstance(layer, keras.layers.Embedding) and layer.output_dim == 1 < max(sizes)


def _size(layer: keras.layers.Layer) -> str:
    return next((name for name in SIZES if isinstance(getattr(layer, name, None), int)), "")
