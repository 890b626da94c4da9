"""Differences of a column and a row that broadcast to a matrix: targets of the wrong shape."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["OuterDifference", "outer_difference"]

#: Operations by which a loss compares targets and predictions.
COMPARING = frozenset({"Div", "Mul", "RealDiv", "SquaredDifference", "Sub", "Xlogy"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OuterDifference:
    """Predictions and targets of shapes (rows,) and (rows, 1), in either order.

    Attributes:
        predicted: the shape of what depends on the variables.
        target: the shape of what does not.
        leaf: the array of the batch that the targets are made of, value by value; empty for none.
    """

    predicted: tuple[int, ...]
    target: tuple[int, ...]
    leaf: str = ""


def outer_difference(flow: Flow) -> OuterDifference | None:
    """The first predictions and targets that broadcast to a matrix of all pairs, or None.

    Pairs of the predictions themselves, or of the targets, are what a loss may mean.
    """
    for operation in flow.needed:
        if operation.kind in COMPARING and len(operation.inputs) == 2:
            found = _compared(operation, flow)
            if found is not None:
                return found
    return None


def _compared(operation: Operation, flow: Flow) -> OuterDifference | None:
    by_variables = flow.by_variables
    predicted, target = sorted(operation.inputs, key=lambda t: id(t) not in by_variables)
    if id(predicted) not in by_variables or id(target) in by_variables:
        return None
    shapes = tuple(predicted.shape), tuple(target.shape)
    if not _outer(*shapes):
        return None
    return OuterDifference(predicted=shapes[0], target=shapes[1], leaf=_leaf_behind(flow, target))


def _leaf_behind(flow: Flow, tensor: Any) -> str:
    """The array of the batch that a tensor is made of, value by value; empty where there is none.

    If the array gets another shape, so does the tensor.
    """
    names = {id(leaf): name for name, leaf in flow.recording.leaves.items()}
    while id(tensor) not in names:
        operation = flow.producers.get(id(tensor))
        inputs = () if operation is None else operation.inputs
        arrays = [each for each in inputs if each.shape.rank]
        if len(arrays) != 1 or arrays[0].shape != tensor.shape:
            return ""
        tensor = arrays[0]
    return names[id(tensor)]


def _outer(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    short, long = sorted((first, second), key=len)
    if len(short) != 1 or len(long) != 2:
        return False
    return long[1] == 1 and short[0] > 1 and short[0] == long[0]
