"""Layers that compute in float32 instead of float16."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.width import of_another_model
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["in_single_precision"]

#: The type whose numbers end at 65504, and below at 6e-8 (IEEE 754-2008, binary16).
HALF, SINGLE = "float16", "float32"


def in_single_precision(training: Training, code: str) -> Intervention | None:
    """The same model in float32; None where nothing computes in float16, or it cannot be cloned.

    Mixed precision keeps the weights in float32: there the layers alone are told.
    """
    model = training.model
    halved = [] if model is None else [x for x in layers_of(model) if x.compute_dtype == HALF]
    if not halved:
        return None
    if all(v.dtype != HALF for v in model.variables):
        policy = keras.dtype_policies.DTypePolicy(SINGLE)
        changes = [(layer, "dtype_policy", policy) for layer in halved]
        variant: Any = lambda _: attributes_set(changes)  # noqa: E731
    elif type(model).__name__ in ("Sequential", "Functional"):
        variant = of_another_model(lambda: _cloned(model))
    else:
        return None
    names = tuple(layer.name for layer in halved)
    return Intervention(
        code=code,
        change="float32",
        fix='keras.config.set_dtype_policy("float32")  # and no dtype= of a layer',
        where=names,
        fault=f"{listed(names)} compute in {HALF}, which ends at 65504 and at 6e-8",
        variant=variant,
    )


def _cloned(model: keras.Model) -> Any:
    def single(layer: keras.layers.Layer) -> Any:
        return type(layer).from_config({**layer.get_config(), "dtype": SINGLE})

    with attributes_set([(model, "compiled", False)]):  # else the copy is compiled as well
        clone = keras.models.clone_model(model, clone_function=single)
    for ours, theirs in zip(clone.weights, model.weights, strict=True):
        ours.assign(tf.cast(theirs, ours.dtype))
    return clone
