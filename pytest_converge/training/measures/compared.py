"""What the arrays of a batch are to a step: what predictions are compared with, or weights of rows.

A step of the user's may take its parts in any order and by any name: what it does with each tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = [
    "DIFFERENCES",
    "compared_with",
    "comparisons",
    "fed",
    "is_added_up",
    "told_targets",
    "weighing",
    "weighs_rows",
]

#: Operations by which a loss compares what it is given with predictions.
COMPARING = frozenset({"Mul", "SquaredDifference", "Sub", "Xlogy"})
#: Those by which predictions are to come near to it, so that its unit is that of the errors.
DIFFERENCES = frozenset({"SquaredDifference", "Sub"})
#: Operations of layers, by weights that are trained or not.
MATRICES = frozenset({"BatchMatMul", "BatchMatMulV2", "Conv2D", "Einsum", "MatMul"})
#: Operations that leave the unit of what they combine as it is: no weights are multiplied there.
SUMS = frozenset({"Add", "AddV2", "SquaredDifference", "Sub"})
#: Operations behind which a number counts by as much as it did before.
LINEAR = frozenset(
    {
        "Add",
        "AddN",
        "AddV2",
        "Cast",
        "Div",
        "DivNoNan",
        "ExpandDims",
        "Identity",
        "Mean",
        "Mul",
        "Neg",
        "RealDiv",
        "Reshape",
        "Squeeze",
        "Sub",
        "Sum",
    }
)


def comparisons(
    flow: Flow, known: Collection[int], predictions: Collection[int]
) -> Iterator[tuple[Operation, Any, Any]]:
    """(operation, what is known, what is predicted) wherever the loss compares two such tensors.

    Args:
        flow: of the step.
        known: ids of tensors.
        predictions: ids of tensors.
    """
    for operation in flow.needed:
        if operation.backward or operation.kind not in COMPARING or len(operation.inputs) != 2:
            continue
        for one, other in (operation.inputs, operation.inputs[::-1]):
            if id(one) in known and id(other) in predictions:
                yield operation, one, other


def compared_with(
    flow: Flow, name: str, *, alone: bool = False
) -> list[tuple[Operation, Any, Any]]:
    """Where predictions are compared with an array of the batch, outside of any layer.

    Predictions depend on variables and on other arrays of the batch: what weights alone multiply
    is an input. What no gradient goes through, as the goal of a step of Q-learning, is none.

    Args:
        flow: of the step.
        name: of the array.
        alone: True for what is made of no other array.
    """
    leaves = flow.recording.leaves
    by_others = flow.depending(id(leaf) for other, leaf in leaves.items() if other != name)
    known = flow.depending([id(leaves[name])]) - flow.trained
    if alone:
        known -= by_others
    found = comparisons(flow, known, flow.trained & by_others)
    return [each for each in found if not each[0].layer]


def fed(flow: Flow) -> set[str]:
    """The arrays of the batch that a layer gets, or that weights multiply, by name.

    Matrices that are not trained are weights as well, as those of the network of goals.
    """
    leaves = flow.recording.leaves
    taken = {id(tensor) for call in flow.recording.calls for tensor in call.inputs}
    weights = flow.trained - flow.given
    pairs = [
        operation.inputs
        for operation in flow.recording.operations
        if not operation.backward
        and operation.kind not in SUMS
        and (
            any(id(tensor) in weights for tensor in operation.inputs)
            or (
                operation.kind in MATRICES
                and not all(id(tensor) in flow.given for tensor in operation.inputs)
            )
        )
    ]
    taken.update(id(tensor) for pair in pairs for tensor in pair)
    return {
        name
        for name, leaf in leaves.items()
        if not taken.isdisjoint(flow.depending([id(leaf)]) - flow.trained)
    }


def told_targets(flow: Flow) -> tuple[str, ...]:
    """The arrays of the batch that are targets by what a step does with them, by name.

    No layer gets them, predictions are to come near to them or to what is made of them, or they
    weigh what predictions cost.
    """
    inputs, found = fed(flow), []
    for name, leaf in flow.recording.leaves.items():
        if name in inputs or not (leaf.dtype.is_floating or leaf.dtype.is_integer):
            continue
        told = any(
            operation.kind in DIFFERENCES or is_added_up(flow, operation)
            for operation, _, _ in compared_with(flow, name)
        )
        if told and not weighs_rows(flow, name):
            found.append(name)
    return tuple(found)


def weighing(flow: Flow, name: str) -> bool:
    """Whether targets only weigh what predictions cost, as times in a likelihood.

    Their sign counts: a cost below 0 would be gained without end.
    """
    return not any(each[0].kind in DIFFERENCES for each in compared_with(flow, name))


def weighs_rows(flow: Flow, name: str) -> bool:
    """Whether an array says how much each row counts, as a mask does, and is no label.

    It multiplies errors, which the loss adds up: all that depends on predictions, or what compares
    them with targets and has one sign. Twice as large, or the other way round, it asks for another
    task.
    """
    leaves = flow.recording.leaves
    weights = np.asarray(leaves[name].numpy(), np.float64).ravel()
    if weights.min() < 0 or not weights.any():
        return False
    fed_ones = fed(flow)
    targets = [id(leaf) for other, leaf in leaves.items() if other not in {name, *fed_ones}]
    by_targets = flow.depending(targets)
    found = [
        (operation, weighed)
        for operation, factor, weighed in compared_with(flow, name, alone=True)
        if operation.kind == "Mul"
        and _in_proportion(factor, weights)
        and is_added_up(flow, operation)
    ]
    if any(id(w) in by_targets and _of_one_sign(w) for _, w in found):
        return True
    return bool(found) and not _goes_around(flow, name, [id(each) for each, _ in found])


def _in_proportion(factor: Any, weights: Any) -> bool:
    values = np.asarray(factor.numpy(), np.float64).ravel()
    return values.shape == weights.shape and np.allclose(
        values, weights * (values.sum() / weights.sum()), rtol=1e-4
    )


def _of_one_sign(tensor: Any) -> bool:
    values = np.asarray(tensor.numpy())
    return bool(values.any()) and bool((values >= 0).all() or (values <= 0).all())


def is_added_up(flow: Flow, first: Operation) -> bool:
    """Whether the loss is linear in what an operation gives."""
    reached = {id(tensor) for tensor in first.outputs}
    for operation in flow.needed:
        touched = [id(tensor) in reached for tensor in operation.inputs]
        if operation.backward or operation is first or not any(touched):
            continue
        products = operation.kind == "Mul" and any(
            id(tensor) in flow.trained and not here
            for tensor, here in zip(operation.inputs, touched, strict=True)
        )
        if operation.kind not in LINEAR or products or (operation.kind == "Mul" and all(touched)):
            return False
        reached.update(id(tensor) for tensor in operation.outputs)
    return True


def _goes_around(flow: Flow, name: str, stops: list[int]) -> bool:
    """Whether predictions reach the loss on another way than through some operations."""
    leaves = flow.recording.leaves.items()
    others = [id(leaf) for other, leaf in leaves if other != name]
    by_rows = flow.depending(others, stops=stops)
    by_weights = flow.depending(flow.read, stops=[*stops, *flow.stopped])
    return any(id(target) in by_rows & by_weights for target in flow.targets)
