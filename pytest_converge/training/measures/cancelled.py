"""Differences of predictions with themselves, which are 0 whatever the weights."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.measures.flow import SAME_VALUES, Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["Cancelled", "cancelled"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A difference of what depends on the variables with itself.

    Attributes:
        shape: of either side.
        layer: in whose call it is made; empty outside of any.
        transposed: the place of the `tf.transpose` of a vector on one side, as (file, line), or
            None where nobody knows it; an empty tuple where no vector is transposed.
    """

    shape: tuple[int, ...]
    layer: str
    transposed: tuple[str, int] | tuple[()] | None = ()


def cancelled(flow: Flow) -> Cancelled | None:
    """The first such difference on the way to the loss, or None.

    A value less itself with its gradient stopped, as a straight-through estimator has it, is meant.
    """
    for operation in flow.needed:
        if operation.kind != "Sub" or len(operation.inputs) != 2:
            continue
        first, second = operation.inputs
        shapes = tuple(first.shape), tuple(second.shape)
        if not shapes[0] or shapes[0] != shapes[1] or id(first) not in flow.trained:
            continue
        if flow.source(first) is not flow.source(second) or id(second) not in flow.trained:
            continue
        values = first.numpy()
        if not np.array_equal(values, second.numpy()):
            continue  # other values of the same array, as each less the one before it
        turned = [each for side in operation.inputs for each in _transposed(flow, side)]
        if not turned and values.size > 1 and np.ptp(values) == 0:
            continue  # nothing tells in which order they are
        place = turned[0].place if turned else ()
        return Cancelled(shape=shapes[0], layer=operation.layer, transposed=place)
    return None


def _transposed(flow: Flow, tensor: Any) -> list[Operation]:
    """The operations that transpose a vector between a tensor and what it holds the values of."""
    found = []
    operation = flow.producers.get(id(tensor))
    while operation is not None and operation.kind in SAME_VALUES:
        if operation.kind == "Transpose" and operation.inputs[0].shape.rank == 1:
            found.append(operation)
        operation = flow.producers.get(id(operation.inputs[0]))
    return found
