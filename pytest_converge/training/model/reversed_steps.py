"""Layers that hand the steps of a series on in reversed order, which nothing turns round again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from pytest_converge.training.keras_internals import layer_of, made_from
from pytest_converge.training.model.structure import layers_of

__all__ = ["backward_layers", "reversed_layers"]

#: Layers and operations of Keras that put the steps of several tensors beside each other.
SIDE_BY_SIDE = frozenset(
    {"Add", "Average", "Concatenate", "Divide", "Maximum", "Minimum", "Multiply", "Subtract"}
)
#: Those after which nothing is known of the order; what indexes may pick steps in any.
ANY_ORDER = frozenset({"GetItem", "Lambda", "Permute", "RepeatVector", "Take", "Transpose"})
#: Those that keep the steps where each holds one number, and leave out its axis.
AXIS_LEFT_OUT = frozenset({"Flatten", "Reshape", "Squeeze"})
#: Those that look at every number by itself, as of steps of one number without an axis for it.
ELEMENTWISE = frozenset({"Activation", "Dropout", "ReLU", "Relu", "Rescaling", "Sigmoid", "Tanh"})
#: The order of the steps of a tensor against that of the inputs.
AHEAD, REVERSED, UNKNOWN = 1, -1, 0


def backward_layers(model: keras.Model) -> list[Any]:
    """The recurrent layers that run backward and put out every step.

    `Bidirectional` turns the steps of the one within it round by itself.
    """
    every = layers_of(model)
    pairs = [layer for layer in every if isinstance(layer, keras.layers.Bidirectional)]
    inner = {id(part) for pair in pairs for part in (pair.forward_layer, pair.backward_layer)}
    return [layer for layer in every if _runs_backward(layer) and id(layer) not in inner]


def reversed_layers(model: keras.Model, compared: Sequence[int | None]) -> list[Any]:
    """The backward layers whose steps meet others, or targets, that are in order.

    A second backward layer behind one, or a flip, turns them round again.

    Args:
        model: functional or sequential, and built.
        compared: the steps of the target of each output; None for one without steps.
    """
    orders = _Orders()
    for output, steps in zip(model.outputs, compared, strict=False):
        order, layer = orders.of(output)
        alike = len(output.shape) > 1 and output.shape[1] in (steps, None)
        if steps is not None and alike and order == REVERSED and layer is not None:
            orders.found[id(layer)] = layer
    return list(orders.found.values())


def _runs_backward(layer: Any) -> bool:
    recurrent = isinstance(layer, keras.layers.RNN)
    return recurrent and bool(layer.go_backwards and layer.return_sequences)


class _Orders:
    """The order of the steps of symbolic tensors, each with the layer that turned it round last.

    Attributes:
        found: the layers whose steps meet others that are in order, by their ids.
    """

    def __init__(self, known: dict[int, tuple[int, Any]] | None = None) -> None:
        self.found: dict[int, Any] = {}
        self._known = known or {}

    def of(self, tensor: Any) -> tuple[int, Any]:
        """The order of a tensor, and the layer that turned it round last."""
        if id(tensor) not in self._known:
            self._known[id(tensor)] = self._of(tensor)
        return self._known[id(tensor)]

    def _of(self, tensor: Any) -> tuple[int, Any]:
        made, sources = layer_of(tensor), made_from(tensor)
        if not sources:
            return AHEAD, None
        before = [self.of(source) for source in sources]
        if isinstance(made, keras.Model):
            return self._inside(made, before, tensor)
        if type(made).__name__ in SIDE_BY_SIDE and len(sources) > 1:
            return self._side_by_side(made, before, tensor, sources)
        order, layer = before[0]
        if not _keeps_steps(made, sources[0], tensor):
            return UNKNOWN, None
        if _runs_backward(made):
            return -order, made
        turned = type(made).__name__ == "Flip" and _is_of_steps(made.axis, tensor)
        return (-order if turned else order), layer

    def _inside(self, model: Any, before: list[tuple[int, Any]], tensor: Any) -> tuple[int, Any]:
        """Of a model that is a layer of another, as if its layers were."""
        inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
        if not inputs or not outputs or len(inputs) != len(before):
            return UNKNOWN, None
        within = _Orders({id(x): order for x, order in zip(inputs, before, strict=True)})
        every = [within.of(output) for output in outputs]
        self.found |= within.found
        alike = [x for x, out in zip(every, outputs, strict=True) if out.shape == tensor.shape]
        return alike[0] if len(alike) == 1 else (UNKNOWN, None)

    def _side_by_side(
        self, made: Any, before: list[tuple[int, Any]], tensor: Any, sources: list[Any]
    ) -> tuple[int, Any]:
        joined = type(made).__name__ == "Concatenate" and _is_of_steps(made.axis, tensor)
        if joined or any(len(x.shape) < 3 or x.shape[1] != tensor.shape[1] for x in sources):
            return UNKNOWN, None
        seen = {order for order, _ in before}
        if not {AHEAD, REVERSED} <= seen:
            return next((each for each in before if each[0] != UNKNOWN), (UNKNOWN, None))
        self.found |= {id(x): x for order, x in before if order == REVERSED and x is not None}
        return AHEAD, None


def _is_of_steps(axis: Any, tensor: Any) -> bool:
    """Whether an axis, or one of several, is that of the steps."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return any(each is None or each % len(tensor.shape) == 1 for each in axes)


def _keeps_steps(made: Any, source: Any, tensor: Any) -> bool:
    """Whether a layer keeps the steps of its first input, be it the other way round."""
    kind, of_keras = type(made).__name__, type(made).__module__.startswith("keras.")
    if not of_keras or kind in ANY_ORDER or len(tensor.shape) < 2:
        return False
    if tensor.shape[1] != source.shape[1]:
        return False
    if kind in AXIS_LEFT_OUT:
        inner, left = source.shape[2:], tensor.shape[2:]
        return None not in source.shape[1:] and math.prod(inner) == math.prod(left)
    if len(tensor.shape) < 3 or len(source.shape) < 3:  # as a state, or what a mean leaves
        return kind == "Embedding" or kind in ELEMENTWISE
    return True
