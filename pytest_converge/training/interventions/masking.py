"""Padding masked before a recurrent layer reads it, or attention is paid to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.misread_output import calling_meanwhile
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.measures.attention_masks import MASKED, InvertedMask
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.normalisation import UnmaskedPadding
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = ["CODE", "masked", "turned_round"]

CODE = "unmasked-padding"


def masked(models: Sequence[Any], padding: UnmaskedPadding) -> Intervention:
    """The embedding of padded rows with a mask, so that trailing zeros are no tokens."""
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers[padding.embedding]
    settings = [(layer, "mask_zero", True), (layer, "supports_masking", True)]
    return Intervention(
        code=CODE,
        change="padding masked",
        fix=pasted.layer_lines([(layer, {"mask_zero": True})]),
        where=(padding.embedding,),
        variant=lambda _: attributes_set(settings),
    )


def turned_round(models: Sequence[Any], mask: InvertedMask) -> Intervention:
    """A mask over scores of attention the other way round, in the layer that lays it.

    Args:
        models: one of them may hold the layer; else it is done wherever such a mask is laid.
        mask: the mask.
    """
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers.get(mask.layer)
    kind = "AddV2" if mask.kind == "Add" else mask.kind
    other = _selecting if kind == "SelectV2" else functools.partial(_adding, kind == "Sub")
    settings = calls_of_operation(kind, other)

    def variant(_: Any) -> Any:
        if layer is None:
            return attributes_set(settings)
        return shadowed([(layer, "call", calling_meanwhile(layer.call, settings))])

    line = "mask = ~mask" if kind == "SelectV2" else "mask = 1 - mask"
    return Intervention(
        code=CODE,
        change="the mask turned round",
        fix=f"{line}  # in {mask.layer or 'the step'}: the padding left out, not the tokens",
        where=(mask.layer,) if layer is not None else (),
        variant=variant,
    )


def _adding(subtracts: bool, original: Callable[..., Any]) -> Callable[..., Any]:
    """A sum, or a difference, in which numbers that are 0 or far below it change places."""

    @functools.wraps(original)
    def call(x: Any, y: Any, name: Any = None) -> Any:
        if subtracts:
            return original(x, -_turned(-tf.convert_to_tensor(y)), name=name)
        return original(_turned(x), _turned(y), name=name)

    return call


def _turned(values: Any) -> Any:
    values = tf.convert_to_tensor(values)
    if not values.dtype.is_floating:
        return values
    lowest = tf.reduce_min(values)
    masked = tf.equal(values, lowest)
    two = tf.reduce_all(tf.equal(values, 0) | masked)
    other = tf.where(masked, tf.zeros_like(values), lowest)
    return tf.where(two & (lowest <= MASKED), other, values)


def _selecting(original: Callable[..., Any]) -> Callable[..., Any]:
    """A choice between scores and a number far below them with the other condition."""

    @functools.wraps(original)
    def call(condition: Any, t: Any, e: Any, name: Any = None) -> Any:
        branches = [tf.convert_to_tensor(branch) for branch in (t, e)]
        if branches[0].dtype.is_floating:
            low, other = (tf.reduce_max(branch) <= MASKED for branch in branches)
            condition = tf.math.logical_xor(condition, tf.math.logical_xor(low, other))
        return original(condition, t, e, name=name)

    return call
