"""Variables in which a step adds up its gradients."""

from __future__ import annotations

from typing import Any

from pytest_converge.training.measures.flow import SAME_VALUES, Flow
from pytest_converge.training.measures.recording import Operation, Recording
from pytest_converge.training.training import Training

__all__ = ["accumulated"]

#: Operations that add a value to a variable, or take it off.
ADDS = frozenset({"AssignAddVariableOp", "AssignSubVariableOp"})
#: Operations that scale a value by a single number, or turn it round.
SCALES = frozenset({"Mul", "Neg", "RealDiv"})
#: The same for the rows that were looked up, and what makes them a gradient of all rows.
SCATTERS, ALL_ROWS = frozenset({"ResourceScatterAdd", "ResourceScatterSub"}), "UnsortedSegmentSum"
SUMS = frozenset({"Add", "AddV2"})


def accumulated(training: Training, recording: Recording) -> tuple[Any, ...]:
    """The `tf.Variable`s beside the trained ones to which a recorded step adds gradients.

    What is added is the gradient, or some of it: neither its square, of which Adagrad makes such a
    sum, nor a mean with what there was before, as momentum is. Whether they are ever set back one
    step does not tell, as it may be done after every tenth.
    """
    flow = Flow(recording)
    # Buffers may be handed over with what is trained, to be put back with it.
    trained = {id(v) for each in recording.differentiations for v in each.sources}
    trained = trained or {id(v) for v in training.trainable}
    gradients = {id(t) for each in recording.differentiations for t in each.gradients}
    found: dict[int, Any] = {}
    for operation in recording.operations:
        variable = recording.written.get(id(operation.inputs[0])) if operation.inputs else None
        if variable is None or id(variable) in trained:
            continue
        if any(_is_gradient(flow, part, gradients) for part in _added(flow, operation)):
            found[id(variable)] = variable
    return tuple(found.values())


def _added(flow: Flow, operation: Operation) -> list[Any]:
    """What an operation adds to the variable that it writes; empty for any other."""
    if operation.kind in ADDS:
        return [operation.inputs[1]]
    if operation.kind in SCATTERS:
        return [operation.inputs[2]]
    if operation.kind != "AssignVariableOp":
        return []
    handle, value = operation.inputs[:2]
    whole = flow.origin(value)
    if whole is None or whole.kind not in SUMS:
        return []
    for one, other in (whole.inputs, whole.inputs[::-1]):
        read = flow.origin(one)
        if read is not None and read.kind == "ReadVariableOp" and read.inputs[0] is handle:
            return [other]
    return []


def _is_gradient(flow: Flow, tensor: Any, gradients: set[int]) -> bool:
    """Whether a tensor is a gradient, handed on or times a number."""
    while id(tensor) not in gradients:
        operation = flow.producers.get(id(tensor))
        if operation is None or not operation.inputs:
            return False
        if operation.kind in SAME_VALUES or operation.kind == ALL_ROWS:
            tensor = operation.inputs[0]
        elif operation.kind in SCALES:
            sizes = [part.shape.num_elements() for part in operation.inputs]
            if len(sizes) == 2 and sizes[0] != 1 and sizes[1] != 1:  # of every value its own
                return False
            tensor = operation.inputs[0 if sizes[-1] == 1 else len(sizes) - 1]
        else:
            return False
    return True
