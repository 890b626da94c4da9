"""An output in the terms in which the loss reads it: logits, or probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.logits import PROBABILITIES, Misread
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = ["as_read"]


def as_read(models: Sequence[Any], misread: Misread) -> Intervention | None:
    """The layer behind a misread output with the activation that the loss reads.

    Where no layer holds the activation, as in a `call` or a step that calls `tf.nn.softmax`, the
    only such operation of the step is left out.

    Args:
        models: one of them may hold the layer.
        misread: what is given to the loss.

    Returns:
        None where it cannot be told which operation is meant.
    """
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers.get(misread.layer)
    wanted = misread.fitting or None
    variant = None if layer is None else _variant(layer, wanted)
    if variant is None:
        return _left_out(misread) if misread.alone else None
    shown = f"with {wanted}" if wanted else f"without {misread.given}"
    return Intervention(
        code="output-loss-mismatch",
        change=f"{misread.layer} {shown}",
        fix=_code(layer, wanted),
        where=(misread.layer,),
        variant=variant,
    )


def _left_out(misread: Misread) -> Intervention:
    """An operation that hands on what it is given."""
    (kind,) = (kind for kind, name in PROBABILITIES.items() if name == misread.given)
    return Intervention(
        code="output-loss-mismatch",
        change=f"no {misread.given} before the loss",
        fix=f"outputs = logits  # no tf.nn.{misread.given}(logits) before the loss",
        where=(misread.layer,) if misread.layer else (),
        variant=lambda _: attributes_set(calls_of_operation(kind, lambda _: _handed_on)),
    )


def _variant(layer: Any, activation: str | None) -> Variant | None:
    if hasattr(layer, "activation"):
        function = keras.activations.get(activation)
        return lambda _: attributes_set([(layer, "activation", function)])
    if isinstance(layer, keras.layers.Softmax) and activation is None:
        return lambda _: shadowed([(layer, "call", _handed_on)])
    return None


def _handed_on(inputs: Any, *_: Any, **__: Any) -> Any:
    return inputs


def _code(layer: Any, activation: str | None) -> str:
    if isinstance(layer, keras.layers.Softmax):
        return f"{pasted.literal(keras.layers.Activation('linear'))}  # layer {layer.name}"
    return pasted.layer_lines([(layer, {"activation": activation or "linear"})])
