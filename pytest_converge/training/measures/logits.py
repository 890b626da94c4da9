"""What a cross-entropy is given: logits where it takes probabilities, or the other way round.

Or shares that add up to 1 along another axis than the one along which it reads the classes, and
weights within the model that are shares of nothing but themselves.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.flow import SAME_VALUES, Flow
from pytest_converge.training.measures.recording import Operation

__all__ = [
    "PROBABILITIES",
    "RATES",
    "READS_CLASSES",
    "SHARES",
    "WEIGHTED_RANK",
    "Misread",
    "misread_output",
]

#: Activations whose values are probabilities.
PROBABILITIES = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
#: Activations whose values are rates, which are above 0.
RATES = {"Relu": "relu", "Sigmoid": "sigmoid", "Softplus": "softplus"}
#: Operations that take logits.
TAKES_LOGITS = frozenset(
    {"LogSoftmax", "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
)
#: What stands between a logit and `Log1p` in `tf.nn.sigmoid_cross_entropy_with_logits`.
OF_LOGITS = frozenset({"Abs", "Exp", "Neg", "Select", "SelectV2"})
#: Operations that read the classes of a row along the last axis.
READS_CLASSES = TAKES_LOGITS - {"LogSoftmax"}
#: What Keras does with probabilities before it takes their logarithm.
CLIPPING = frozenset({"Maximum", "Minimum"})
OF_PROBABILITIES = CLIPPING | {"Log", "RealDiv"}
#: What makes logarithms of shares, and keeps each where it is.
IN_PLACE = OF_PROBABILITIES | {"AddV2", "Cast", "Identity", "Sub"}
#: Operations that give shares of classes, or their logarithms.
SHARES = {"LogSoftmax": "log_softmax", "Softmax": "softmax"}
#: Operations in which one factor weighs what the other one says.
WEIGHS = frozenset({"BatchMatMul", "BatchMatMulV2", "Einsum", "Mul"})
#: Axes of the scores of the steps of a series, one a step: rows, steps and a single unit. Shares of
#: others, as of several heads, may be meant along more than one.
WEIGHTED_RANK = 3
#: The bounds within which Keras keeps a probability whose logarithm it takes are this near to 0
#: and 1.
CLIPPED = 1e-4
#: A probability of float16 may be as far out of [0, 1].
ROUNDING = 5e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """An output that the loss reads as what it is not.

    Attributes:
        takes: "logits", "probabilities", "logarithms" of rates, or "classes" where the shares of
            classes are given along another axis than the last, "weights" where the shares are those
            of a single value, "shares of rows" where they are those of the rows of a batch, "one
            class" where the loss makes shares of a single column.
        given: the activation that makes probabilities of the output, where the loss takes others.
        low, high: the ends of the values that the loss is given.
        layer: the layer that the values come from; empty for none.
        alone: True where the step makes no other such probabilities.
        fitting: the activation that the loss reads, where it takes probabilities.
        axis: the axis along which shares of classes add up to 1, where the loss takes them along
            another.
        classes: that other one; -1 for the last.
        place: (file, line) of the user's code that makes the shares; None where nobody knows.
        by_hand: where exponentials are divided by their sum outside of any activation, the
            operation that takes them for logits, or the sum of a single value; else empty.
    """

    takes: str
    given: str = ""
    low: float
    high: float
    layer: str
    alone: bool = False
    fitting: str = ""
    axis: int = -1
    classes: int = -1
    by_hand: str = ""
    place: tuple[str, int] | None = None


def misread_output(flow: Flow) -> Misread | None:
    """The first output that the loss reads as what it is not, or None.

    Keras' own losses find the logits behind a softmax or sigmoid that comes right before them.
    """
    for operation in flow.needed:
        if operation.backward:
            continue
        found = (
            _probabilities_as_logits(flow, operation)
            or _logits_as_probabilities(flow, operation)
            or _rates_as_logarithms(flow, operation)
            or _shares_of_one_class(flow, operation)
            or _shares_along_another_axis(flow, operation)
        )
        if found is not None:
            return found
    made = flow.needed
    return next(
        filter(None, (_shares_of_one(flow, operation) for operation in made)), None
    ) or next(filter(None, (_shares_of_rows(flow, operation) for operation in made)), None)


def _shares_of_rows(flow: Flow, softmax: Operation) -> Misread | None:
    """A softmax over the rows of a batch, which have nothing to share.

    Of a table of all pairs of rows, as of a loss that tells them apart, it may be meant.
    """
    if softmax.kind != "Softmax" or softmax.backward or id(softmax.inputs[0]) not in flow.trained:
        return None
    before = flow.producers.get(id(softmax.inputs[0]))
    if before is None or before.kind != "Transpose" or id(before.inputs[0]) not in flow.given:
        return None
    shape = tuple(before.inputs[0].shape)
    rows = {int(leaf.shape[0]) for leaf in flow.recording.leaves.values() if leaf.shape.rank}
    over_rows = len(shape) == 2 and int(before.inputs[1].numpy()[-1]) == 0
    if not over_rows or shape[0] not in rows or shape[0] == shape[1]:
        return None
    values = _values(softmax.outputs[0])
    made = [each for each in flow.recording.operations if each.kind == "Softmax"]
    return Misread(
        takes="shares of rows",
        given="softmax",
        low=float(values.min()),
        high=float(values.max()),
        layer=softmax.layer,
        place=softmax.place,
        alone=sum(each.layer == softmax.layer and not each.backward for each in made) == 1,
        axis=0,
    )


def _shares_of_one(flow: Flow, softmax: Operation) -> Misread | None:
    """A softmax of scores of steps, along their only unit, by which the steps are weighed.

    All weights are 1, and no gradient reaches what makes the scores.
    """
    by_hand = _is_softmax_by_hand(flow, softmax)
    if softmax.backward or (softmax.kind != "Softmax" and not by_hand):
        return None
    shape = softmax.outputs[0].shape
    if shape.rank != WEIGHTED_RANK or shape[-1] != 1 or shape[1] == 1:
        return None
    if id(softmax.inputs[0]) not in flow.by_variables:
        return None
    if by_hand and softmax.inputs[1].shape != shape:  # their sum is over more than one
        return None
    weighs = any(
        operation.kind in WEIGHS and any(flow.origin(t) is softmax for t in operation.inputs)
        for operation in flow.needed
    )
    if not weighs:
        return None
    made = [each for each in flow.recording.operations if each.kind == softmax.kind]
    return Misread(
        takes="weights",
        given="softmax",
        by_hand="Sum" if by_hand else "",
        place=softmax.place,
        low=1.0,
        high=1.0,
        layer=softmax.layer,
        alone=sum(each.layer == softmax.layer and not each.backward for each in made) == 1,
        classes=1,
    )


def _probabilities_as_logits(flow: Flow, operation: Operation) -> Misread | None:
    if operation.kind in TAKES_LOGITS:
        source = _behind_temperature(flow, operation.inputs[0])
    elif operation.kind == "Log1p":
        source = _behind(flow, operation.inputs[0])
    elif operation.kind == "Softmax":
        source = _behind_temperature(flow, operation.inputs[0])
        source = source if source is not None and source.kind == "Softmax" else None
    else:
        return None
    by_hand = source is not None and _is_softmax_by_hand(flow, source)
    if source is None or (source.kind not in PROBABILITIES and not by_hand):
        return None
    values = _values(source.outputs[0])
    return Misread(
        takes="logits",
        by_hand=operation.kind if by_hand and operation.kind in READS_CLASSES else "",
        given="softmax" if by_hand else PROBABILITIES[source.kind],
        low=float(values.min()),
        high=float(values.max()),
        layer=source.layer,
        place=source.place,
        alone=sum(each.kind == source.kind for each in flow.recording.operations) == 1,
    )


def _rates_as_logarithms(flow: Flow, operation: Operation) -> Misread | None:
    """A rate above 0 whose exponential is taken, so that it counts as one of at least 1.

    As by `tf.nn.log_poisson_loss`, which takes the logarithm of the rate.
    """
    source = flow.origin(operation.inputs[0]) if operation.kind == "Exp" else None
    if source is None or source.kind not in RATES or operation.layer:
        return None
    if id(source.outputs[0]) not in flow.by_variables:
        return None
    shares = (each for each in flow.needed if _is_softmax_by_hand(flow, each))
    if any(flow.origin(each.inputs[0]) is operation for each in shares):
        return None
    values = _values(source.outputs[0])
    return Misread(
        takes="logarithms",
        given=RATES[source.kind],
        low=float(values.min()),
        high=float(values.max()),
        layer=source.layer,
        place=source.place,
        alone=sum(each.kind == source.kind for each in flow.recording.operations) == 1,
    )


def _is_softmax_by_hand(flow: Flow, operation: Operation) -> bool:
    """Whether an operation divides exponentials by their sum."""
    if operation.kind != "RealDiv":
        return False
    shares, total = (flow.origin(tensor) for tensor in operation.inputs)
    if shares is None or total is None or (shares.kind, total.kind) != ("Exp", "Sum"):
        return False
    summed = flow.origin(total.inputs[0])
    return summed is not None and summed.kind == "Exp"


def _behind_temperature(flow: Flow, tensor: Any) -> Operation | None:
    """The operation that made what is given, also where it was divided by a number on the way."""
    operation = flow.origin(tensor)
    while operation is not None and operation.kind in ("Mul", "RealDiv"):
        values, by = operation.inputs
        if by.shape.num_elements() != 1:
            return operation
        operation = flow.origin(values)
    return operation


def _behind(flow: Flow, tensor: Any) -> Operation | None:
    """The operation that made the logits of a binary cross-entropy, from its `Log1p` back."""
    operation = flow.origin(tensor)
    if operation is None or operation.kind != "Exp":
        return None
    while operation is not None and operation.kind in OF_LOGITS:
        operation = flow.origin(operation.inputs[-1])
    return operation


def _logits_as_probabilities(flow: Flow, operation: Operation) -> Misread | None:
    """Values far out of [0, 1] that are clipped to it before their logarithm is taken."""
    if operation.kind != "Log":
        return None
    outer = flow.producers.get(id(operation.inputs[0]))
    inner = None if outer is None else flow.producers.get(id(outer.inputs[0]))
    if outer is None or inner is None or {outer.kind, inner.kind} != {"Maximum", "Minimum"}:
        return None
    upper, lower = (outer, inner) if outer.kind == "Minimum" else (inner, outer)
    bounds = [_number(each.inputs[1]) for each in (upper, lower)]
    if not (0 < 1 - bounds[0] <= CLIPPED and 0 < bounds[1] <= CLIPPED):
        return None
    given = inner.inputs[0]
    normalised = flow.producers.get(id(given))
    by_sum = normalised is not None and normalised.kind == "RealDiv"
    raw = normalised.inputs[0] if by_sum and normalised is not None else given
    values = _values(raw)
    low, high = float(values.min()), float(values.max())
    if low >= -ROUNDING and (by_sum or high <= 1 + ROUNDING):
        return None
    several = values.ndim > 1 and values.shape[-1] > 1
    sparse = any(
        each.kind == "SparseSoftmaxCrossEntropyWithLogits"
        and flow.origin(each.inputs[0]) is operation
        for each in flow.needed
    )
    source = _behind_bias(flow, raw)
    return Misread(
        takes="probabilities",
        low=low,
        high=high,
        layer="" if source is None else source.layer,
        fitting="softmax" if several and (by_sum or sparse) else "sigmoid",
    )


def _shares_of_one_class(flow: Flow, operation: Operation) -> Misread | None:
    """The only column of an output, of which a cross-entropy over classes makes shares."""
    if operation.kind != "Log" and operation.kind not in READS_CLASSES:
        return None
    given = operation.inputs[0]
    if not given.shape.rank or given.shape[-1] != 1 or id(given) not in flow.by_variables:
        return None
    if operation.kind == "Log" and not _divided_by_its_sum(flow, given):
        return None
    return Misread(takes="one class", low=1.0, high=1.0, layer="")


def _shares_along_another_axis(flow: Flow, operation: Operation) -> Misread | None:
    """A softmax over another axis than that of the classes.

    Either its shares are read, or the logits that Keras finds behind them: then the loss falls and
    the predictions are wrong.
    """
    given = operation.inputs[0] if operation.inputs else None
    read: set[int] = set()
    if operation.kind in READS_CLASSES:
        read = _same_axes(flow, given, frozenset())
        shares, classes = _same_axes(flow, given, OF_PROBABILITIES), -1
    elif operation.kind == "Log" and _divided_by_its_sum(flow, given):
        shares, classes = _same_axes(flow, given, OF_PROBABILITIES), -1
    else:
        chosen, classes = _chosen_by_labels(flow, operation)
        shares = set() if chosen is None else _same_shape(flow, chosen)
    if not shares:
        return None
    made = [each for each in flow.recording.operations if each.kind in SHARES and not each.backward]
    for softmax in made:
        axis = _axis_of(flow, softmax, shares, read)
        if axis is None or axis == classes % softmax.outputs[0].shape.rank:
            continue
        values = _values(softmax.outputs[0])
        last = classes % values.ndim == values.ndim - 1
        return Misread(
            takes="classes",
            given=SHARES[softmax.kind],
            low=float(values.min()),
            high=float(values.max()),
            layer=softmax.layer,
            place=softmax.place,
            alone=sum((each.layer, each.kind) == (softmax.layer, softmax.kind) for each in made)
            == 1,
            axis=axis,
            classes=-1 if last else classes,
        )
    return None


def _axis_of(flow: Flow, softmax: Operation, shares: set[int], read: set[int]) -> int | None:
    """The axis along which shares of some tensors, or logits that are read, add up to 1.

    TensorFlow brings the axis of a softmax to the end, and back.
    """
    before = flow.producers.get(id(softmax.inputs[0]))
    if before is not None and before.kind == "Transpose" and id(before.inputs[0]) in read:
        return int(before.inputs[1].numpy()[-1])
    last = softmax.outputs[0].shape.rank - 1
    for each in flow.recording.operations:
        behind = each.kind == "Transpose" and each.inputs[0] is softmax.outputs[0]
        if behind and shares.intersection(map(id, each.outputs)):
            return [int(axis) for axis in each.inputs[1].numpy()].index(last)
    return last if id(softmax.outputs[0]) in shares else None


def _chosen_by_labels(flow: Flow, operation: Operation) -> tuple[Any, int]:
    """What is given for every class, and the axis along which labels choose one of it, or None."""
    if operation.kind == "GatherV2":
        values, labels, axis = operation.inputs
        if _is_given(flow, labels) and id(values) in flow.by_variables:
            return values, int(axis.numpy()) % values.shape.rank
    if operation.kind in ("Mul", "Xlogy") and len(operation.inputs) == 2:
        for labels, values in (operation.inputs, operation.inputs[::-1]):
            if labels.shape == values.shape and id(values) in flow.by_variables:
                axis = _one_hot_axis(labels) if _is_given(flow, labels) else None
                if axis is not None:
                    return values, axis
    return None, -1


def _is_given(flow: Flow, tensor: Any) -> bool:
    """True for what the batch holds, or what is made of it alone."""
    return id(tensor) in flow.given and id(tensor) not in flow.by_variables


def _one_hot_axis(labels: Any) -> int | None:
    """The only axis along which each row is a single one among zeros, or a single -1."""
    values = np.abs(_values(labels))
    if not ((values == 0) | (values == 1)).all():
        return None
    sizes = values.shape
    axes = [axis for axis in range(values.ndim) if (values.sum(axis=axis) == 1).all()]
    found = [axis for axis in axes if sizes[axis] > 1]
    return found[0] if len(found) == 1 else None


def _same_shape(flow: Flow, tensor: Any) -> set[int]:
    """The ids of the tensors that one is made of, value by value, each value in its place."""
    found = {id(tensor)}
    operation = flow.producers.get(id(tensor))
    while operation is not None and operation.kind in IN_PLACE:
        alike = [t for t in operation.inputs if id(t) in flow.by_variables]
        if len(alike) != 1 or alike[0].shape != tensor.shape:
            break
        found.add(id(alike[0]))
        operation = flow.producers.get(id(alike[0]))
    return found


def _divided_by_its_sum(flow: Flow, tensor: Any) -> bool:
    """Whether shares are made of a tensor first, and clipped, as a cross-entropy of rows does."""
    operation = flow.producers.get(id(tensor))
    while operation is not None and operation.kind in CLIPPING:
        operation = flow.producers.get(id(operation.inputs[0]))
    divisor = None if operation is None or operation.kind != "RealDiv" else operation.inputs[1]
    by = None if divisor is None else flow.producers.get(id(divisor))
    return by is not None and by.kind == "Sum"


def _same_axes(flow: Flow, tensor: Any, through: frozenset[str]) -> set[int]:
    """The ids of the tensors that one is made of, value by value, with the last axis as it is."""
    known = (SAME_VALUES - {"Transpose"}) | through
    found = {id(tensor)}
    operation = flow.producers.get(id(tensor))
    while operation is not None and operation.kind in known and operation.inputs:
        found.add(id(operation.inputs[0]))
        operation = flow.producers.get(id(operation.inputs[0]))
    return found


def _behind_bias(flow: Flow, tensor: Any) -> Operation | None:
    operation = flow.producers.get(id(tensor))
    while operation is not None and not operation.layer and operation.kind in SAME_VALUES:
        operation = flow.producers.get(id(operation.inputs[0]))
    return operation


def _number(tensor: Any) -> float:
    values = _values(tensor)
    return float(values.ravel()[0]) if values.size == 1 else float("nan")


def _values(tensor: Any) -> Array:
    return np.asarray(tensor.numpy(), dtype=np.float64)
