"""Trained variables that the user's own code clips to a range beyond which they are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.cut_off import reaching
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["ClippedVariable", "clipped_variables"]

#: What each end of a range is kept by: `tf.clip_by_value` and `keras.ops.clip` make both.
UPPER, LOWER = "Minimum", "Maximum"
#: What keeps numbers above 0 alone.
RECTIFYING = ("Relu", "Relu6")
#: A start of noise that is clipped to two standard deviations, as often on purpose, has 5 % beyond.
MOST_BEYOND = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClippedVariable:
    """A variable nearly all of whose numbers are beyond a range, and have no slope there.

    Attributes:
        place: its place among those that are trained.
        low, high: the range; an end that is not kept is infinite, as of a rectifier.
    """

    place: int
    low: float
    high: float


def clipped_variables(flow: Flow, trainable: Sequence[Any]) -> tuple[ClippedVariable, ...]:
    """The variables that reach the loss by a clip alone, and are beyond its range.

    Args:
        flow: of a step at the start.
        trainable: `tf.Variable`s that are trained.
    """
    clips: dict[int, list[tuple[Operation, float, float]]] = {}
    for inner in flow.needed:
        argument, bound = _bounded(flow, inner)
        outer = None if bound is None else _other_end(flow, inner)
        far = None if outer is None else _bounded(flow, outer)[1]
        place = None if argument is None else _variable(flow, argument, trainable)
        if bound is not None and place is not None:
            upper = inner.kind == UPPER
            far = (-math.inf if upper else math.inf) if far is None else far
            low, high = (far, bound) if upper else (bound, far)
            clips.setdefault(place, []).append((inner, low, high))
    found = []
    for place, several in clips.items():
        _, low, high = several[0]
        closed = {*flow.stopped, *(id(inner) for inner, _, _ in several)}
        values = np.asarray(trainable[place].numpy(), np.float64)
        beyond = float(((values < low) | (values > high)).mean()) if values.size else 0.0
        if (
            low < high
            and beyond >= MOST_BEYOND
            and not _sources(flow, trainable[place]) & reaching(flow, closed)
        ):
            found.append(ClippedVariable(place=place, low=low, high=high))
    return tuple(found)


def _bounded(flow: Flow, operation: Operation) -> tuple[Any, float | None]:
    """What a minimum or maximum bounds, and by which one number; no number where it is another."""
    if operation.kind in RECTIFYING and not operation.backward:
        return operation.inputs[0], 0.0
    if operation.kind not in (UPPER, LOWER) or operation.backward or len(operation.inputs) != 2:
        return None, None
    known = flow.by_variables | flow.given
    free = [t for t in operation.inputs if id(t) in known or not hasattr(t, "numpy")]
    bounds = [t for t in operation.inputs if all(t is not each for each in free)]
    if len(free) != 1 or len(bounds) != 1 or not free[0].dtype.is_floating:
        return None, None
    values = np.unique(bounds[0].numpy())
    return free[0], float(values[0]) if len(values) == 1 else None


def _variable(flow: Flow, tensor: Any, trainable: Sequence[Any]) -> int | None:
    """The place of the variable whose values a tensor holds as they are."""
    source = flow.source(tensor)
    made = flow.producers.get(id(source))
    ids = {id(source), *(id(t) for t in ([] if made is None else made.inputs))}
    if made is not None and made.kind != "ReadVariableOp":
        return None
    places = (n for n, variable in enumerate(trainable) if ids & _sources(flow, variable))
    return next(places, None)


def _sources(flow: Flow, variable: Any) -> set[int]:
    """The ids of a variable's handle, and of what holds its values and was not seen read."""
    read, values = {*flow.read}, variable.numpy()
    unseen = {
        id(t)
        for operation in flow.needed
        for t in operation.inputs
        if id(t) in read and t.dtype != tf.resource and np.array_equal(t.numpy(), values)
    }
    return {id(variable.handle), *unseen}


def _other_end(flow: Flow, inner: Operation) -> Operation | None:
    """The operation that keeps the other end of the range of what one end was kept of."""
    if inner.kind in RECTIFYING:
        return None
    kind = LOWER if inner.kind == UPPER else UPPER
    made = {id(tensor) for tensor in inner.outputs}
    for operation in flow.needed:
        if operation.kind == kind and any(id(flow.source(t)) in made for t in operation.inputs):
            return operation
    return None
