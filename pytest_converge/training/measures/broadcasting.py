"""Targets that broadcast with the predictions: a column and a row, or a column and several.

Or one target of a row with every step that a model gives for it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.measures.compared import DIFFERENCES
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation

__all__ = [
    "OuterDifference",
    "PairedColumns",
    "PooledRows",
    "RepeatedGrades",
    "RepeatedOutput",
    "RepeatedTarget",
    "outer_difference",
    "paired_columns",
    "pooled_rows",
    "repeated_grades",
    "repeated_output",
    "repeated_target",
]

#: Operations by which a loss compares targets and predictions.
COMPARING = frozenset({"Div", "Mul", "RealDiv", "SquaredDifference", "Sub", "Xlogy"})
#: Operations that tell whether two labels are the same.
MATCHING = frozenset({"Equal", "NotEqual", "Sub"})
#: Operations that make one number of a whole array.
POOLING = frozenset({"Mean", "Sum"})
#: Operations behind which the same values have another shape, or another type.
SHAPED = frozenset({"Cast", "ExpandDims", "Identity", "Reshape", "Squeeze"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OuterDifference:
    """Predictions and targets of shapes (rows,) and (rows, 1), in either order.

    Attributes:
        predicted: the shape of what depends on the variables.
        target: the shape of what does not.
        leaf: the array of the batch that the targets are made of, value by value; empty for none.
        gathered: True where the predictions are a matrix already, since each row was given the
            columns that all rows ask for.
    """

    predicted: tuple[int, ...]
    target: tuple[int, ...]
    leaf: str = ""
    gathered: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PooledRows:
    """Predictions of all rows as one number, which the target of each row is compared with.

    Attributes:
        kind: the operation that makes it, of `POOLING`.
        pooled: the shape of what it takes, the rows first.
        target: the shape of the targets.
        layer: in whose call it is made; empty outside of any.
        number, of: which of the operations of its kind there it is that make one number of an
            array with these columns, in the order in which they are made.
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    kind: str
    pooled: tuple[int, ...]
    target: tuple[int, ...]
    layer: str
    number: int
    of: int
    place: tuple[str, int] | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedGrades:
    """Whole numbers from 0 in one column that every one of several outputs is compared with.

    Attributes:
        predicted: the shape of what depends on the variables, (rows, outputs).
        target: the shape of the numbers, (rows, 1).
        leaf: the array of the batch that they are made of, value by value.
        highest: the highest of them on this batch.
    """

    predicted: tuple[int, ...]
    target: tuple[int, ...]
    leaf: str
    highest: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedTarget:
    """One target of a row that every step of an output is compared with.

    Attributes:
        predicted: the shape of the output, (rows, steps, 1).
        target: the shape of the targets, (rows, 1).
        layer: the last recurrent layer that hands on all of these steps; empty for none.
    """

    predicted: tuple[int, ...]
    target: tuple[int, ...]
    layer: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedOutput:
    """One number of a row that each of several targets is compared with.

    Attributes:
        predicted: the shape of the output, (rows, 1).
        target: the shape of the targets, (rows, several).
    """

    predicted: tuple[int, ...]
    target: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PairedColumns:
    """Labels of shape (rows, 1) that are compared with each other.

    Attributes:
        leaf: the array of the batch that they are.
        shape: of what comes of it.
    """

    leaf: str
    shape: tuple[int, ...]


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


def pooled_rows(flow: Flow) -> PooledRows | None:
    """The first number made of the predictions of all rows that meets the target of each, or None.

    As a sum over the actions of a row that lacks its axis.
    """
    for operation in flow.needed:
        if operation.kind not in COMPARING or len(operation.inputs) != 2:
            continue
        pair = _predicted_and_target(operation, flow)
        if pair is None or pair[0].shape.num_elements() != 1:
            continue
        target = tuple(pair[1].shape)
        made = flow.origin(pair[0])
        if made is None or made.kind not in POOLING or id(pair[1]) not in flow.given:
            continue
        pooled = tuple(made.inputs[0].shape)
        column = target in (pooled[:1], (*pooled[:1], 1))
        if len(pooled) > 1 and column and pooled[0] > 1 and not made.outputs[0].shape.rank:
            alike = [x for x in flow.recording.operations if _pools_alike(x, made)]
            return PooledRows(
                kind=made.kind,
                pooled=pooled,
                target=target,
                layer=made.layer,
                number=next(n for n, each in enumerate(alike) if each is made),
                of=len(alike),
                place=made.place,
            )
    return None


def _pools_alike(operation: Operation, other: Operation) -> bool:
    """Whether two operations of one kind make one number of arrays with the same columns."""
    if (operation.kind, operation.layer, operation.backward) != (other.kind, other.layer, False):
        return False
    taken, like = operation.inputs[0].shape, other.inputs[0].shape
    if taken.rank != like.rank or taken[1:] != like[1:]:
        return False
    return bool(operation.outputs[0].shape.rank == 0)


def repeated_grades(flow: Flow) -> RepeatedGrades | None:
    """The first column of grades that broadcasts over several outputs, or None.

    Several outputs for one number may be meant, as those of quantiles; grades from 0 up to the
    number of outputs are what one-hot rows and flags of being above a threshold are made from.
    """
    for operation in flow.needed:
        if operation.kind not in COMPARING or len(operation.inputs) != 2:
            continue
        pair = _predicted_and_target(operation, flow)
        predicted, target = (tuple(tensor.shape) for tensor in pair) if pair else ((), ())
        if pair is None or len(predicted) != 2 or target != (predicted[0], 1) or predicted[1] < 2:
            continue
        leaf = flow.leaf_behind(pair[1])
        values = np.asarray(pair[1].numpy(), np.float64)
        whole = bool((values == np.round(values)).all()) and values.min() >= 0
        if leaf.startswith("y") and whole and 1 < values.max() <= predicted[1]:
            return RepeatedGrades(
                predicted=predicted, target=target, leaf=leaf, highest=int(values.max())
            )
    return None


def repeated_target(flow: Flow) -> RepeatedTarget | None:
    """The first output of an axis more than its targets that a loss broadcasts over it, or None.

    Keras' losses drop the last axis of such an output, so that the shapes broadcast.
    """
    for operation in flow.needed:
        if operation.kind not in COMPARING or len(operation.inputs) != 2:
            continue
        pair = _predicted_and_target(operation, flow)
        if pair is None or not flow.leaf_behind(pair[1]).startswith("y"):
            continue
        predicted, target = _shape_made(flow, pair[0]), tuple(pair[1].shape)
        alike = len(predicted) == 3 and target == (predicted[0], 1) == predicted[::2]
        if alike and predicted[1] > 1:
            layer = _gives_steps(flow, predicted[1])
            return RepeatedTarget(predicted=predicted, target=target, layer=layer)
    return None


def repeated_output(flow: Flow) -> RepeatedOutput | None:
    """The first output of one number that a loss broadcasts over several targets, or None.

    What a layer alone makes of the targets, as its mean, is another matter.
    """
    leaves = flow.recording.leaves
    targets = {id(leaf) for name, leaf in leaves.items() if name.startswith("y")}
    for operation in flow.needed:
        if operation.kind not in DIFFERENCES or len(operation.inputs) != 2 or operation.layer:
            continue
        pair = _predicted_and_target(operation, flow)
        if pair is None or id(flow.source(pair[1])) not in targets:
            continue
        made = flow.origin(pair[0])
        predicted, target = _shape_made(flow, pair[0]), tuple(pair[1].shape)
        alone = len(predicted) == 2 and len(target) == 2 and target[0] == predicted[0]
        if alone and predicted[1] == 1 < target[1] and made is not None and made.layer:
            return RepeatedOutput(predicted=predicted, target=target)
    return None


def paired_columns(flow: Flow) -> PairedColumns | None:
    """The first column of labels that is compared with itself, each row with each, or None.

    As `labels[None] == labels[:, None]`, which is a matrix of all pairs where they are a row.
    """
    names = {id(leaf): name for name, leaf in flow.recording.leaves.items() if name[0] == "y"}
    for operation in flow.recording.operations:
        if operation.kind not in MATCHING or operation.backward or len(operation.inputs) != 2:
            continue
        sources = [flow.source(tensor) for tensor in operation.inputs]
        shape = tuple(operation.outputs[0].shape)
        rows = tuple(sources[0].shape)
        column = len(rows) == 2 and rows[1] == 1 < rows[0] and id(sources[0]) in names
        if sources[0] is sources[1] and column and len(shape) > 2 and shape.count(rows[0]) > 1:
            return PairedColumns(leaf=names[id(sources[0])], shape=shape)
    return None


def _shape_made(flow: Flow, tensor: Any) -> tuple[int, ...]:
    """The shape in which the values of a tensor were made."""
    made = flow.producers.get(id(tensor))
    while made is not None and made.kind in SHAPED and not made.layer:
        tensor = made.inputs[0]
        made = flow.producers.get(id(tensor))
    return tuple(tensor.shape)


def _gives_steps(flow: Flow, count: int) -> str:
    """The last recurrent layer of the step that hands on every one of so many steps."""
    names = [
        call.name
        for call in flow.recording.calls
        if getattr(call.layer, "return_sequences", False)
        and call.outputs
        and call.outputs[0].shape[1:2] == (count,)
    ]
    return names[-1] if names else ""


def _compared(operation: Operation, flow: Flow) -> OuterDifference | None:
    pair = _predicted_and_target(operation, flow)
    shapes = None if pair is None else (tuple(pair[0].shape), tuple(pair[1].shape))
    if pair is None or shapes is None:
        return None
    rows = shapes[0][:1]
    gathered = shapes[1] in (rows, (*rows, 1)) and _gathers_of_all_rows(flow, pair[0])
    if not gathered and not _outer(*shapes):
        return None
    leaf = flow.leaf_behind(pair[1])
    return OuterDifference(predicted=shapes[0], target=shapes[1], leaf=leaf, gathered=gathered)


def _gathers_of_all_rows(flow: Flow, tensor: Any) -> bool:
    """Whether a matrix holds for each row the columns that every row asks for.

    `tf.gather(values, chosen, axis=1)` gives that, where `batch_dims=1` gives each row its own.
    """
    made = flow.producers.get(id(tensor))
    if made is None or made.kind != "GatherV2":
        return False
    values, chosen = (tuple(each.shape) for each in made.inputs[:2])
    return len(values) == 2 and chosen == values[:1] and tuple(tensor.shape) == values[:1] * 2


def _predicted_and_target(operation: Operation, flow: Flow) -> tuple[Any, Any] | None:
    """What depends on the variables, and what does not; None for two of one kind."""
    first, second = operation.inputs
    if (id(first) in flow.by_variables) == (id(second) in flow.by_variables):
        return None
    return (first, second) if id(first) in flow.by_variables else (second, first)


def _outer(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    short, long = sorted((first, second), key=len)
    if len(short) != 1 or len(long) != 2:
        return False
    return long[1] == 1 and short[0] > 1 and short[0] == long[0]
