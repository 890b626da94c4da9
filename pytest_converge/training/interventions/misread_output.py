"""An output in the terms in which the loss reads it: logits, or probabilities."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.own_operations import (
    argument_changed,
    operations_changed,
)
from pytest_converge.training.keras_internals import Setting, calls_of_operation
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.logits import (
    PROBABILITIES,
    RATES,
    SHARES,
    WEIGHTED_RANK,
    Misread,
)
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["as_read", "calling_meanwhile", "handed_on"]

#: What Keras keeps probabilities above before it takes their logarithms.
LEAST_SHARE = 1e-7


def as_read(user: Training, misread: Misread) -> Intervention | None:
    """The layer behind a misread output with the activation that the loss reads.

    Where no layer holds the activation, as in a `call` or a step that calls `tf.nn.softmax`, the
    only such operation of the step is left out.

    Args:
        user: the training, a model of which may hold the layer.
        misread: what is given to the loss.

    Returns:
        None where it cannot be told which operation is meant.
    """
    layers = dict(named for model in user.models for named in named_layers(model))
    layer = layers.get(misread.layer)
    if misread.takes == "weights" and misread.by_hand:
        return _summed_over_steps(user, layer, misread) if layer is not None else None
    if misread.takes in ("classes", "shares of rows", "weights"):
        return _along_the_classes(user, layer, misread) if misread.alone else None
    if misread.takes == "one class":
        return _of_two_classes()
    if misread.by_hand:
        return _as_logarithms(misread)
    wanted = misread.fitting or None
    variant = None if layer is None else _variant(layer, wanted)
    if variant is None:
        return _left_out(user, misread) if misread.alone else None
    shown = f"with {wanted}" if wanted else f"without {misread.given}"
    return Intervention(
        code="output-loss-mismatch",
        change=f"{misread.layer} {shown}",
        fix=_code(layer, wanted),
        where=(misread.layer,),
        variant=variant,
    )


def _of_two_classes() -> Intervention:
    """Keras' cross-entropy over several classes as that of two, which one column tells."""

    def binary(y: Any, predictions: Any, *args: Any, **settings: Any) -> Any:
        logits = bool(settings.get("from_logits", args[0] if args else False))
        return keras.losses.binary_crossentropy(y, predictions, from_logits=logits)

    def of_wrapper(loss: Any, y: Any, predictions: Any) -> Any:
        return binary(y, predictions, from_logits=loss.from_logits)

    kind = keras.losses.CategoricalCrossentropy
    return Intervention(
        code="output-loss-mismatch",
        change="loss BinaryCrossentropy",
        fix="keras.losses.BinaryCrossentropy()",
        variant=lambda _: attributes_set(
            [(kind, "call", of_wrapper), (keras.losses, "categorical_crossentropy", binary)]
        ),
        loss_factor=None,
        redefines_loss=True,
    )


def _left_out(user: Training, misread: Misread) -> Intervention:
    """An operation that hands on what it is given."""
    named = {**PROBABILITIES, **RATES}
    (kind,) = (kind for kind, name in named.items() if name == misread.given)
    return Intervention(
        code="output-loss-mismatch",
        change=f"no {misread.given} before the loss",
        fix=operations_changed(user, misread.layer, kind, "x", at=misread.place, alone=True)
        or f"outputs = logits  # no tf.nn.{misread.given}(logits) before the loss",
        where=(misread.layer,) if misread.layer else (),
        variant=lambda _: attributes_set(calls_of_operation(kind, lambda _: handed_on)),
    )


def _as_logarithms(misread: Misread) -> Intervention:
    """The logarithms of shares that a program makes by itself: logits of the same shares."""

    def of_logarithms(made: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(made)
        def call(features: Any, labels: Any, name: Any = None) -> Any:
            return made(tf.math.log(tf.maximum(features, LEAST_SHARE)), labels, name=name)

        return call

    where = f" in {misread.layer}" if misread.layer else ""
    return Intervention(
        code="output-loss-mismatch",
        change="no softmax before the loss",
        fix=f"outputs = logits  # no exp(logits) / sum(exp(logits)){where}",
        where=(misread.layer,) if misread.layer else (),
        variant=lambda _: attributes_set(calls_of_operation(misread.by_hand, of_logarithms)),
    )


def _along_the_classes(user: Training, layer: Any, misread: Misread) -> Intervention:
    """The softmax of a layer, or the only one outside of any, over the classes, or the steps."""
    (kind,) = (kind for kind, name in SHARES.items() if name == misread.given)
    made = calls_of_operation(kind, lambda made: _over_classes(made, misread))
    if layer is None:
        variant: Variant = lambda _: attributes_set(made)  # noqa: E731 - one of two
    else:
        call = calling_meanwhile(layer.call, made)
        variant = lambda _: shadowed([(layer, "call", call)])  # noqa: E731 - one of two
    line = (
        f"tf.nn.{misread.given}(logits, axis={misread.classes})  # instead of axis={misread.axis}"
    )
    line += f" in {misread.layer}" if layer else ""
    if isinstance(layer, keras.layers.Softmax):
        line = pasted.layer_lines([(layer, {"axis": misread.classes})])
    else:
        given = (user, misread.layer, kind, "axis", misread.classes)
        line = argument_changed(*given, at=misread.place) or line
    over = "the last axis" if misread.classes == -1 else f"axis {misread.classes}"
    return Intervention(
        code="output-loss-mismatch",
        change=f"softmax over {over}",
        fix=line,
        where=(misread.layer,) if misread.layer else (),
        variant=variant,
    )


def _summed_over_steps(user: Training, layer: Any, misread: Misread) -> Intervention:
    """The exponentials of scores of steps divided by their sum over the steps.

    What a layer divides by itself is summed along an axis of a single value.
    """

    def over_steps(made: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(made)
        def call(values: Any, axis: Any, *args: Any, **kwargs: Any) -> Any:
            shape = tf.convert_to_tensor(values).shape
            single = shape.rank == WEIGHTED_RANK and shape[-1] == 1
            return made(values, misread.classes if single else axis, *args, **kwargs)

        return call

    # What is taken from the scores first is their largest one along the same axis.
    kinds = (misread.by_hand, "Max")
    made = [each for kind in kinds for each in calls_of_operation(kind, over_steps)]
    call, place = calling_meanwhile(layer.call, made), misread.place
    changed = [
        argument_changed(user, misread.layer, kind, "axis", misread.classes, at=at)
        for kind, at in zip(kinds, (place, None), strict=True)
    ]
    lines = dict.fromkeys(each for each in reversed(changed) if each)
    places = {each.rpartition("  # ")[2] for each in lines}
    line = "\n".join(lines) if len(places) == len(lines) else ""
    words = f"tf.reduce_sum(weights, axis={misread.classes}, keepdims=True)  # in {misread.layer}"
    return Intervention(
        code="output-loss-mismatch",
        change=f"softmax over axis {misread.classes}",
        fix=line or words,
        where=(misread.layer,),
        variant=lambda _: shadowed([(layer, "call", call)]),
    )


def _over_classes(softmax: Callable[..., Any], misread: Misread) -> Callable[..., Any]:
    """TensorFlow changes an axis for the last one before it calls its operation."""
    swapped = tf.experimental.numpy.swapaxes

    def over_classes(logits: Any, name: Any = None) -> Any:
        single = logits.shape.rank == WEIGHTED_RANK and logits.shape[-1] == 1
        if misread.takes == "weights" and not single:
            return softmax(logits, name=name)
        as_given = swapped(logits, misread.axis, -1)
        shares = softmax(swapped(as_given, misread.classes, -1), name=name)
        return swapped(swapped(shares, misread.classes, -1), misread.axis, -1)

    return over_classes


def calling_meanwhile(original: Callable[..., Any], settings: list[Setting]) -> Any:
    """A call of a layer with attributes set for as long as it lasts."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        with attributes_set(settings):
            return original(*args, **kwargs)

    return call


def _variant(layer: Any, activation: str | None) -> Variant | None:
    if hasattr(layer, "activation"):
        function = keras.activations.get(activation)
        return lambda _: attributes_set([(layer, "activation", function)])
    if isinstance(layer, keras.layers.Softmax) and activation is None:
        return lambda _: shadowed([(layer, "call", handed_on)])
    return None


def handed_on(inputs: Any, *_: Any, **__: Any) -> Any:
    """A layer or an operation that changes nothing."""
    return inputs


def _code(layer: Any, activation: str | None) -> str:
    if isinstance(layer, keras.layers.Softmax):
        return f"{pasted.literal(keras.layers.Activation('linear'))}  # layer {layer.name}"
    return pasted.layer_lines([(layer, {"activation": activation or "linear"})])
