"""Convolutions that read every place, and places that are kept where they are pooled away."""

from __future__ import annotations

from typing import Any

import keras

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.width import cloned, of_another_model, rebuilt
from pytest_converge.training.model.structure import layers_of

__all__ = ["covering", "places_kept"]

CODE = "too-small-capacity"
#: Layers that step over their inputs, and those that make one number of all places.
CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
POOLING = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)


def covering(model: Any) -> Intervention | None:
    """The same convolutions with kernels as wide as their steps, where they step over places.

    Args:
        model: one that Keras can clone.

    Returns:
        None where none does.
    """
    stepping = {
        layer: tuple(map(max, layer.kernel_size, layer.strides))
        for layer in layers_of(model)
        if isinstance(layer, CONVOLUTIONS)
        and any(step > size for step, size in zip(layer.strides, layer.kernel_size, strict=True))
    }
    if not stepping:
        return None
    names = tuple(layer.name for layer in stepping)
    first, kernel = next(iter(stepping.items()))
    changed = {layer.name: {"kernel_size": size} for layer, size in stepping.items()}
    return Intervention(
        code=CODE,
        change=f"{listed(names)} with kernels as wide as the steps",
        fix=pasted.layer_lines((layer, {"kernel_size": size}) for layer, size in stepping.items()),
        where=names,
        fault=(
            f"{first.name} steps by {_by(first.strides)} with a kernel of {_by(first.kernel_size)}:"
            f" what lies between is never read, and is with {_by(kernel)}"
        ),
        variant=of_another_model(lambda: rebuilt(model, changed)),
    )


def places_kept(model: Any) -> Intervention | None:
    """Every place by itself where a layer makes one number of all of them.

    Args:
        model: one that Keras can clone.

    Returns:
        None where none does, or where nobody knows how many places there are.
    """
    pooling = [layer for layer in layers_of(model) if isinstance(layer, POOLING)]
    if not pooling or any(None in layer.input.shape[1:] for layer in pooling):
        return None

    def kept(layer: Any) -> Any:
        if layer in pooling:
            return keras.layers.Flatten(name=layer.name)
        return type(layer).from_config(layer.get_config())

    names = tuple(layer.name for layer in pooling)
    return Intervention(
        code=CODE,
        change=f"Flatten in place of {listed(names)}",
        fix="\n".join(f"keras.layers.Flatten()  # in place of {name}" for name in names),
        where=names,
        fault=f"{listed(names)} forgets where something is",
        variant=of_another_model(lambda: cloned(model, kept)),
    )


def _by(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))
