"""Another activation of the hidden layers: one whose slope does not shrink with depth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from pytest_converge.training.intervention import Intervention
from pytest_converge.training.models import attributes_set
from pytest_converge.training.training import Training

__all__ = ["activations"]


def activations(layers: list[Any], activation: str, code: str) -> Intervention:
    """All given layers with the same activation (Glorot et al. 2011, deep sparse rectifiers)."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        function = keras.activations.get(activation)
        with attributes_set([(layer, "activation", function) for layer in layers]):
            yield

    return Intervention(
        code=code,
        change=f"hidden activations {activation}",
        fix=f"keras.layers.Dense(units, activation={activation!r})  # the hidden layers",
        where=tuple(layer.name for layer in layers),
        variant=variant,
    )
