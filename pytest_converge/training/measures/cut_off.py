"""Trained variables that operations without a slope cut off from the loss, and which these are."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from pytest_converge.training.measures.flow import COMPARING, SHAPES_ALONE, Flow
from pytest_converge.training.measures.gradient_stops import (
    GradientStop,
    gradient_stop,
    stop_at,
    stops,
    unreached,
)
from pytest_converge.training.measures.layer_readings import named_layers, names_of_weights
from pytest_converge.training.measures.recording import Operation
from pytest_converge.training.training import Training

__all__ = ["COMPARISONS", "CutOff", "cut_off", "reaching", "silent"]

#: Comparisons whose truth, as a number, a sigmoid of the difference can stand in for.
COMPARISONS = frozenset({"Greater", "GreaterEqual", "Less", "LessEqual"})
#: Operations that another function with a slope can stand in for on the way back.
PASSABLE = COMPARISONS | {
    "Cast",
    "Ceil",
    "Floor",
    "FloorDiv",
    "Rint",
    "Round",
    "Sign",
    "StopGradient",
}
#: Operations that make numbers of what is none, by the place of that among their inputs.
MAKE_NUMBERS = {"Cast": 0, "Select": 0, "SelectV2": 0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """What the loss depends on although no gradient reaches it.

    Attributes:
        where: the layers and variables whose gradient is missing, or 0 throughout for an operation
            of slope 0, by name.
        stop: where the gradient of the first one ends.
        passages: the operations that have to let a gradient through for all of them to get one;
            empty where that is not enough.
    """

    where: tuple[str, ...]
    stop: GradientStop
    passages: tuple[GradientStop, ...] = ()


def cut_off(training: Training, flow: Flow) -> CutOff | None:
    """The variables that are to be trained and that the loss depends on by steps alone.

    One that the step writes by itself, as a copy that follows others, needs no gradient.

    Returns:
        None where there are none.
    """
    closed = {id(each) for each in flow.recording.operations if stops(each)}
    written = flow.recording.written
    quiet = [v for v in silent(flow) if id(v.handle) not in written]
    reached = reaching(flow, closed) if quiet else set()
    lost = [v for v in quiet if id(v.handle) not in reached]
    ends = [gradient_stop(flow, variable) for variable in lost]
    lost = [v for v, end in zip(lost, ends, strict=True) if end is not None]
    first = next((end for end in ends if end is not None), None)
    if first is None:
        return None
    layers = {name: layer for model in training.models for name, layer in named_layers(model)}
    return CutOff(
        where=names_of_weights(layers, lost), stop=first, passages=_passages(flow, lost, closed)
    )


def silent(flow: Flow) -> list[Any]:
    """The variables of which each gradient is missing or 0 throughout."""
    none = unreached(flow)
    known = {id(v) for v in none}
    pairs = [
        (v, there and not zero)
        for each in flow.recording.differentiations
        for v, there, zero in zip(each.sources, each.reached, each.zero, strict=True)
    ]
    heard = {id(v) for v, there in pairs if there}
    zero = {id(v): v for v, _ in pairs if id(v) not in heard | known}
    return [*none, *zero.values()]


def _passages(flow: Flow, lost: list[Any], closed: set[int]) -> tuple[GradientStop, ...]:
    needed = {id(operation) for operation in flow.needed}
    sources = [v.handle for each in flow.recording.differentiations for v in each.sources]
    cut = {id(v.handle) for v in lost}
    moving = flow.depending([id(h) for h in sources if id(h) not in cut], stops=closed)
    kept, found = set(closed), []
    waiting = cut
    while waiting:
        smooth = flow.depending(waiting, stops=kept)
        ends = [
            operation
            for operation in flow.recording.operations
            if id(operation) in kept & needed
            and operation.kind in PASSABLE
            and any(id(tensor) in smooth for tensor in operation.inputs)
            and not _is_aim(flow, operation, moving, closed)
        ]
        if not ends:
            return ()
        # Nobody rounds to stop a gradient; who calls stop_gradient may have meant it.
        ends = [each for each in ends if each.kind != "StopGradient"] or ends
        kept -= {id(each) for each in ends}
        # Truth values as whole numbers hand on what stands in for them.
        found += [stop_at(flow, each, smooth) for each in ends if _of_numbers(each)]
        waiting = cut - reaching(flow, kept)
    return tuple({(each.kind, each.layer): each for each in found}.values())


def _is_aim(flow: Flow, stop: Operation, moving: set[int], closed: Collection[int]) -> bool:
    """True for a stop_gradient whose values are what others are trained towards, as in Q-learning.

    The loss compares them, with nothing trained on the way, with what gets a gradient.
    """
    if stop.kind != "StopGradient":
        return False
    still = flow.depending([id(tensor) for tensor in stop.outputs], stops=closed) - moving
    return any(
        operation.kind in COMPARING
        and any(id(t) in still for t in operation.inputs)
        and any(id(t) in moving for t in operation.inputs)
        for operation in flow.needed
    )


def reaching(flow: Flow, closed: Collection[int]) -> set[int]:
    """The ids of what the loss depends on with a slope: tensors and handles of variables."""
    found = {id(target) for target in flow.targets}
    for operation in reversed(flow.needed):
        if id(operation) in closed or operation.kind in SHAPES_ALONE:
            continue
        if any(id(tensor) in found for tensor in operation.outputs):
            found.update(
                id(tensor)
                for place, tensor in enumerate(operation.inputs)
                if _passes(operation, place, tensor)
            )
    return found


def _of_numbers(operation: Operation) -> bool:
    return any(tensor.dtype.is_floating for tensor in operation.inputs)


def _passes(operation: Operation, place: int, tensor: Any) -> bool:
    """Whether a gradient goes through an operation to one of its inputs.

    Truth values and whole numbers have one only where what stands in for them takes their place.
    """
    number = tensor.dtype.is_floating or tensor.dtype.is_complex or tensor.dtype.name == "resource"
    return number or MAKE_NUMBERS.get(operation.kind) == place
