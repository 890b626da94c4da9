"""Logits that an activation in front of the output's own cuts off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["unclipped"]

#: What a sigmoid or softmax makes probabilities of, and what these activations leave of it.
CLIPPED = {
    "relu": "below 0",
    "relu6": "below 0",
    "softplus": "below 0",
    "sigmoid": "outside of 0 to 1",
    "hard_sigmoid": "outside of 0 to 1",
    "tanh": "outside of -1 to 1",
}
#: Layers that hand on what they are given, in another shape at most.
HANDS_ON = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)


def unclipped(model: Any) -> Iterator[Intervention]:
    """The layer in front of a last sigmoid or softmax without an activation of its own.

    Behind a ReLU a sigmoid gives 0.5 at least, and a softmax over C classes treats all the same
    that are out of the question.

    Args:
        model: whose output is a layer that is nothing but an activation.
    """
    last = next(reversed(getattr(model, "layers", [])), None)
    shares = ("sigmoid", "softmax")
    if not isinstance(last, keras.layers.Softmax) and not (
        isinstance(last, keras.layers.Activation) and last.activation.__name__ in shares
    ):
        return
    layer = _in_front(model, last)
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    if name not in CLIPPED:
        return
    yield Intervention(
        code="output-loss-mismatch",
        change=f"{layer.name} with no activation",
        fix=pasted.layer_lines([(layer, {"activation": "linear"})]),
        where=(layer.name,),
        fault=f"the {name} of {layer.name} leaves {last.name} no logit {CLIPPED[name]}",
        variant=lambda _: attributes_set([(layer, "activation", keras.activations.linear)]),
    )


def _in_front(model: Any, layer: Any) -> Any:
    """The layer whose output another takes; None where that is not known."""
    by_output = {id(other.output): other for other in model.layers if _is_called_once(other)}
    found = by_output.get(id(layer.input)) if _is_called_once(layer) else None
    while isinstance(found, HANDS_ON):
        found = by_output.get(id(found.input))
    return found


def _is_called_once(layer: Any) -> bool:
    try:
        return isinstance(layer.output, keras.KerasTensor)
    except (AttributeError, ValueError):
        return False
