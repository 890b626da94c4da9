"""An output in the terms in which the loss reads it: logits, or probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.logits import Misread
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = ["as_read"]


def as_read(models: Sequence[Any], misread: Misread) -> Intervention | None:
    """The layer behind a misread output with the activation that the loss reads.

    Args:
        models: one of them holds the layer.
        misread: what is given to the loss.

    Returns:
        None where no layer made the output, or one whose activation cannot be set.
    """
    layers = dict(named for model in models for named in named_layers(model))
    layer = layers.get(misread.layer)
    if layer is None:
        return None
    wanted = misread.fitting or None
    variant = _variant(layer, wanted)
    if variant is None:
        return None
    shown = f"with {wanted}" if wanted else f"without {misread.given}"
    return Intervention(
        code="output-loss-mismatch",
        change=f"{misread.layer} {shown}",
        fix=_code(layer, wanted),
        where=(misread.layer,),
        variant=variant,
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
