"""Sines, cosines and tangents of the data that look like those of degrees."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["KINDS", "InDegrees", "in_degrees"]

#: Operations that read radians.
KINDS = ("Cos", "Sin", "Tan")
#: A full turn in radians, with room for rounding.
TURN = 2.01 * math.pi
#: The largest angle in degrees, with room for a full turn in both directions; what goes beyond, as
#: a time, turns many times.
MOST_DEGREES = 720.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InDegrees:
    """An operation that reads radians and is given numbers beyond a full turn.

    Attributes:
        kind: its type in TensorFlow.
        layer: whose call it is part of; empty for the loss or the step.
        number, of: which one it is of how many of its kind in that place, in one step.
        largest: the largest number that it is given, by its size.
        array: the name of the array of the batch that it is given as it is; empty for any other.
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    kind: str
    layer: str
    number: int
    of: int
    largest: float
    array: str
    place: tuple[str, int] | None = None


def in_degrees(flow: Flow) -> tuple[InDegrees, ...]:
    """Those whose argument depends on the batch alone and goes beyond a full turn of 2 pi.

    What depends on a weight has a frequency that is trained.

    Args:
        flow: of a step.
    """
    return tuple(
        _told(flow, operation)
        for operation in flow.needed
        if operation.kind in KINDS and not operation.backward and _goes_beyond(flow, operation)
    )


def _goes_beyond(flow: Flow, operation: Operation) -> bool:
    argument = operation.inputs[0]
    if id(argument) not in flow.given or id(argument) in flow.by_variables:
        return False
    return argument.dtype.is_floating and TURN < _largest(argument) <= MOST_DEGREES


def _largest(tensor: Any) -> float:
    values = np.abs(np.asarray(tensor.numpy(), np.float64))
    return float(values.max(initial=0.0))


def _told(flow: Flow, operation: Operation) -> InDegrees:
    here = (operation.kind, operation.layer)
    alike = [each for each in flow.recording.operations if (each.kind, each.layer) == here]
    names = {id(leaf): name for name, leaf in flow.recording.leaves.items()}
    return InDegrees(
        kind=operation.kind,
        layer=operation.layer,
        number=next(n for n, each in enumerate(alike) if each is operation),
        of=len(alike),
        largest=_largest(operation.inputs[0]),
        array=names.get(id(operation.inputs[0]), ""),
        place=operation.place,
    )
