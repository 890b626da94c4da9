"""Rectifiers and clips in the user's own code that put out one number for every row."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.measures.cut_off import reaching, silent
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.layer_readings import (
    RECTIFIERS,
    activation_of,
    named_layers,
    names_of_weights,
)
from pytest_converge.training.measures.recording import Operation
from pytest_converge.training.training import Training

__all__ = ["DeadOperation", "dead_operations"]

#: Operations that put out their edge for every number beyond it: 0, or the other number that a
#: maximum or a minimum is given, as of a value that is clipped.
KINDS = ("Relu", "Relu6", "Maximum", "Minimum")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeadOperation:
    """A rectifier, or one end of a clip, that is at its edge throughout.

    Attributes:
        kind: its type in TensorFlow.
        layer: whose call it is part of; empty for the loss or the step.
        number, of: which one it is of how many of its kind in that place, in one step.
        edge: the number that it puts out.
        nearest: of the numbers that it is given the one nearest to the edge.
        middle: their median: half of them are let through where it is brought to the edge.
        where: the layers and variables that have a gradient of 0 by it, or by another dead one.
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    kind: str
    layer: str
    number: int
    of: int
    edge: float
    nearest: float
    middle: float
    where: tuple[str, ...]
    place: tuple[str, int] | None = None


def dead_operations(training: Training, flow: Flow) -> tuple[DeadOperation, ...]:
    """Those behind which trained variables have no other way to the loss.

    What is at its edge beside another way, as a penalty that does not act yet or a hinge that is
    satisfied, is none of them, and neither is an activation of a layer of Keras, which its layer
    tells of.
    """
    layers = {name: layer for model in training.models for name, layer in named_layers(model)}
    known = {name for name, layer in layers.items() if activation_of(layer) in RECTIFIERS}
    own = [
        each
        for each in flow.needed
        if each.kind in KINDS and not each.backward and each.layer not in known
    ]
    dead = {id(each): each for each in own if _is_dead(flow, each)}
    # A loss that is bounded, as a robust one, means its bound: what it is given has to move.
    dead = {key: each for key, each in dead.items() if each.layer or not _edge(flow, each)}
    if not dead:
        return ()
    reached = reaching(flow, dead)
    lost = [v for v in silent(flow) if id(v.handle) not in reached]
    fed = flow.depending([id(v.handle) for v in lost], stops=dead)
    cutting = [each for each in dead.values() if any(id(t) in fed for t in each.inputs)]
    where = names_of_weights(layers, lost)
    return tuple(_of(flow, each, where) for each in cutting)


def _of(flow: Flow, operation: Operation, where: tuple[str, ...]) -> DeadOperation:
    alike = [
        each
        for each in flow.recording.operations
        if (each.kind, each.layer) == (operation.kind, operation.layer)
        and not each.backward
        and each.outputs[0].dtype.is_floating
    ]
    values = _argument(flow, operation).numpy()
    return DeadOperation(
        kind=operation.kind,
        layer=operation.layer,
        number=next(n for n, each in enumerate(alike) if each is operation),
        of=len(alike),
        edge=_edge(flow, operation),
        nearest=float(values.min() if operation.kind == "Minimum" else values.max()),
        middle=float(np.median(values)),
        where=where,
        place=operation.place,
    )


def _argument(flow: Flow, operation: Operation) -> Any:
    """What is rectified: of a maximum the number that depends on trained variables."""
    by = [tensor for tensor in operation.inputs if id(tensor) in flow.by_variables]
    return by[0] if by else None


def _edge(flow: Flow, operation: Operation) -> float:
    """The other number that a maximum or minimum is given; 0 of a rectifier."""
    argument = _argument(flow, operation)
    others = [tensor for tensor in operation.inputs if tensor is not argument]
    return float(others[0].numpy().ravel()[0]) if others else 0.0


def _is_dead(flow: Flow, operation: Operation) -> bool:
    argument, output = _argument(flow, operation), operation.outputs[0]
    if argument is None or not output.dtype.is_floating or not hasattr(output, "numpy"):
        return False
    others = [tensor for tensor in operation.inputs if tensor is not argument]
    if any(id(t) in flow.by_variables or np.unique(t.numpy()).size != 1 for t in others):
        return False
    values = output.numpy()
    beyond = (argument.numpy() != values).all()  # what lies on the edge lets a gradient through
    return bool(values.size and beyond and (values == _edge(flow, operation)).all())
