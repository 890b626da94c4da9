"""Differences of a column and a row that broadcast to a matrix: targets of the wrong shape."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pytest_converge.training.training import Training

__all__ = ["outer_difference"]

#: Operations by which a loss compares targets and predictions.
COMPARING = frozenset({"Sub", "SquaredDifference"})


def outer_difference(training: Training) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The shapes (rows,) and (rows, 1) that the loss of a closure subtracts, or None.

    The loss is traced, not run. Only a loss that closes over its data has fixed shapes to look at.
    """
    if not training.full_batch or training.eager_reason:
        return None
    graph = tf.function(training.probe, autograph=False).get_concrete_function(None).graph
    for operation in _operations(graph):
        if operation.type in COMPARING:
            first, second = (tuple(t.shape.as_list() or ()) for t in operation.inputs[:2])
            if _outer(first, second):
                return first, second
    return None


def _operations(graph: Any) -> list[Any]:
    return [op for op in graph.get_operations() if len(op.inputs) > 1]


def _outer(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    short, long = sorted((first, second), key=len)
    if len(short) != 1 or len(long) != 2:
        return False
    return long[1] == 1 and short[0] is not None and short[0] > 1 and short[0] == long[0]
