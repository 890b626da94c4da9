"""Padding masked before a recurrent layer reads it, or attention is paid to it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.misread_output import calling_meanwhile
from pytest_converge.training.interventions.own_operations import mask_turned
from pytest_converge.training.keras_internals import calls_of_operation, mark_mask
from pytest_converge.training.measures.attention_masks import MASKED, InvertedMask
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.normalisation import UnmaskedPadding
from pytest_converge.training.measures.padded_steps import PaddedSteps
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["CODE", "masked", "masked_steps", "turned_round"]

CODE = "unmasked-padding"
#: A step of more features is no line of code any more.
MOST_WRITTEN = 8


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


def masked_steps(models: Sequence[Any], padded: PaddedSteps) -> Intervention:
    """The steps that fill series up masked, by the `Masking` that is there or by one more."""
    layers = dict(named for model in models for named in named_layers(model))
    layer, value = layers[padded.layer], np.asarray(padded.value, np.float32)
    written = _written(value)
    if padded.masked is None:
        settings = [(layer, "call", _behind_a_mask(layer, lambda inputs: _kept(inputs, value)))]
        fix = f"keras.layers.Masking({written})  # in front of {layer.name}"
    else:
        settings = _with_value(layer, value, [layers[name] for name in padded.takers])
        fix = pasted.layer_lines([(layer, {"mask_value": pasted.Code(written)})])
        fix = fix.replace("mask_value=", "", 1)
    return Intervention(
        code=CODE,
        change="padded steps masked",
        fix=fix,
        where=(padded.layer,),
        variant=lambda _: shadowed(settings),
        # A mask that reaches the outputs leaves steps out of the loss.
        redefines_loss=padded.sequences,
    )


def _with_value(
    masking: Any, value: Array, takers: Sequence[Any]
) -> list[tuple[Any, str, Callable[..., Any]]]:
    """The calls of a `Masking` of another value, and of the layers that take its mask.

    A functional model hands them a mask whose value was fixed when it was built.
    """
    latest: list[Any] = []

    @functools.wraps(masking.call)
    def call(inputs: Any) -> Any:
        kept = _kept(inputs, value)
        latest[:] = [kept]
        outputs = tf.where(kept[..., None], inputs, tf.zeros_like(inputs))
        mark_mask(outputs, kept)
        return outputs

    behind = [(each, "call", _behind_a_mask(each, lambda _: latest[0])) for each in takers]
    return [(masking, "call", call), *behind]


def _kept(inputs: Any, value: Array) -> Any:
    """False for the steps that hold nothing but the padding."""
    return tf.reduce_any(inputs != tf.cast(value, inputs.dtype), axis=-1)


def _is_even(value: Array) -> bool:
    return bool((value == value[0]).all())


def _written(value: Array) -> str:
    """What a `Masking` gets: one number where it is that of every feature."""
    if _is_even(value):
        return _exactly(value[0])
    if len(value) > MOST_WRITTEN:
        return "padding"
    return f"[{', '.join(map(_exactly, value))}]"


def _exactly(number: Any) -> str:
    """With as many digits as make the same float32: padding is told by equality."""
    short = pasted.literal(float(number))
    return short if np.float32(short) == number else repr(float(number))


def _behind_a_mask(layer: Any, mask_of: Callable[[Any], Any]) -> Callable[..., Any]:
    """The call of a layer with a mask of its inputs, which it hands on if it can."""
    original = layer.call
    takes_mask = "mask" in inspect.signature(original).parameters

    @functools.wraps(original)
    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        kept = mask_of(inputs)
        if takes_mask:
            kwargs["mask"] = kept
        outputs = original(inputs, *args, **kwargs)
        tensors = tf.nest.flatten(outputs)
        masks = tf.nest.flatten(layer.compute_mask(inputs, kept))
        for tensor, mask in zip(tensors, masks, strict=False):
            if mask is not None:
                mark_mask(tensor, mask)
        return outputs

    return call


def turned_round(user: Training, mask: InvertedMask) -> Intervention:
    """A mask over scores of attention the other way round, in the layer that lays it.

    Args:
        user: the training, a model of which may hold the layer; else it is done wherever such a
            mask is laid.
        mask: the mask.
    """
    layers = dict(named for model in user.models for named in named_layers(model))
    layer = layers.get(mask.layer)
    kind = "AddV2" if mask.kind == "Add" else mask.kind
    other = _selecting if kind == "SelectV2" else functools.partial(_adding, kind == "Sub")
    settings = calls_of_operation(kind, other)

    def variant(_: Any) -> Any:
        if layer is None:
            return attributes_set(settings)
        return shadowed([(layer, "call", calling_meanwhile(layer.call, settings))])

    line = "mask = ~mask" if kind == "SelectV2" else "mask = 1 - mask"
    own = mask_turned(user, mask.layer)
    return Intervention(
        code=CODE,
        change="the mask turned round",
        fix=own or f"{line}  # in {mask.layer or 'the step'}: the padding left out, not the tokens",
        where=(mask.layer,) if layer is not None else (),
        variant=variant,
        in_words=not own,
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
