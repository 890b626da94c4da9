"""Where a gradient ends on its way from the loss to a variable."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = ["GradientStop", "gradient_stop", "in_words", "stop_at", "stops", "unreached"]

#: Operations of numbers that have no derivative, or one that is 0 everywhere, in words.
STEPS = {
    "Ceil": "ceil",
    "Floor": "floor",
    "FloorDiv": "floor division",
    "Rint": "rounding",
    "Round": "rounding",
    "Sign": "sign",
    "StopGradient": "stop_gradient",
}
#: Operations whose output is no real number, in words.
CHOICES = {
    "ArgMax": "argmax",
    "ArgMin": "argmin",
    "Cast": "cast to {dtype}",
    "Equal": "comparison ==",
    "Greater": "comparison >",
    "GreaterEqual": "comparison >=",
    "Less": "comparison <",
    "LessEqual": "comparison <=",
    "NotEqual": "comparison !=",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GradientStop:
    """The operation at which the gradient ends.

    Attributes:
        operation: in words, as "argmax"; empty where none is known.
        layer: whose call it is part of; empty for the loss or the step.
        behind: the layer whose values it takes, where it is another one.
        kind: its type in TensorFlow, as "ArgMax".
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    operation: str
    layer: str = ""
    behind: str = ""
    kind: str = ""
    place: tuple[str, int] | None = None


def in_words(stop: GradientStop, loss: str) -> str:
    """The operation and its place: "the argmax behind dense", "the rounding in my_loss".

    Args:
        stop: the operation.
        loss: the name of the user's loss or step; empty where it has none.
    """
    if not stop.layer:
        return f"the {stop.operation} in {loss or 'the loss'}"
    return f"the {stop.operation} {f'behind {stop.behind}' if stop.behind else f'in {stop.layer}'}"


def unreached(flow: Flow) -> list[Any]:
    """The variables by which the step differentiates without any gradient, each once."""
    reached = {
        id(v)
        for each in flow.recording.differentiations
        for v, there in zip(each.sources, each.reached, strict=True)
        if there
    }
    sources = [v for each in flow.recording.differentiations for v in each.sources]
    return list({id(v): v for v in sources if id(v) not in reached}.values())


def gradient_stop(flow: Flow, variable: Any) -> GradientStop | None:
    """The last operation that a variable reaches smoothly, before the loss, and no gradient passes.

    Returns:
        None where the loss does not depend on the variable, or the operation is not known.
    """
    handle = id(variable.handle)
    ends = [operation for operation in flow.recording.operations if stops(operation)]
    needed = {id(operation) for operation in flow.needed}
    smooth = flow.depending([handle], stops={id(operation) for operation in ends})
    for operation in reversed(ends):
        if id(operation) in needed and any(id(t) in smooth for t in operation.inputs):
            return stop_at(flow, operation, smooth)
    return None


def stop_at(flow: Flow, operation: Operation, smooth: set[int]) -> GradientStop:
    """An operation without a slope and its place, of which some inputs come smoothly."""
    return GradientStop(
        operation=_words(operation),
        layer=operation.layer,
        behind=_layer_before(flow, operation, smooth),
        kind=operation.kind,
        place=operation.place,
    )


def _layer_before(flow: Flow, stop: Operation, smooth: set[int]) -> str:
    """The layer, other than that of an operation, from which its inputs come smoothly."""
    waiting, seen = [stop], {id(stop)}
    while waiting:
        operation = waiting.pop(0)
        if operation.layer != stop.layer:
            return operation.layer
        for tensor in operation.inputs:
            before = flow.producers.get(id(tensor))
            if before is not None and id(tensor) in smooth and id(before) not in seen:
                seen.add(id(before))
                waiting.append(before)
    return ""


def stops(operation: Operation) -> bool:
    """True for an operation that has no derivative, or one that is 0 everywhere."""
    if operation.kind in STEPS:
        return True
    outputs = operation.outputs
    if operation.backward or not outputs or operation.kind == "ReadVariableOp":
        return False
    return not any(t.dtype.is_floating or t.dtype.is_complex for t in outputs)


def _words(operation: Operation) -> str:
    words = STEPS.get(operation.kind) or CHOICES.get(operation.kind) or operation.kind
    return words.format(dtype=operation.outputs[0].dtype.name)
