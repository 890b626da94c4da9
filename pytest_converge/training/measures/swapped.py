"""Cross-entropies whose arguments are swapped: they take the logarithm of the targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_converge.training.measures.flow import SAME_VALUES, Flow
from pytest_converge.training.measures.logits import OF_LOGITS, OF_PROBABILITIES
from pytest_converge.training.measures.recording import Operation

__all__ = ["logarithm_of_targets"]

#: What may be done to a logarithm before it is weighted.
SIGNED = SAME_VALUES | {"Neg"}
#: What makes logarithms of probabilities, or of what is small and not 0: sums and clips.
AROUND = OF_PROBABILITIES | SAME_VALUES | {"Add", "AddV2", "ClipByValue", "Sub"}


def logarithm_of_targets(flow: Flow) -> bool:
    """Whether predictions weigh the logarithm of labels from 0 to 1, and not the other way round.

    Of such labels it is 0 or nearly infinite, whatever is predicted. A divergence subtracts it from
    that of predictions, or weighs it with the labels themselves. Of larger amounts it may be meant,
    but for those that are 0 and whose logarithm is taken as they are.
    """
    leaves = [leaf for name, leaf in flow.recording.leaves.items() if name[0] == "y"]
    shares = {id(leaf) for leaf in leaves if _are_from_zero(leaf, most=1.0)}
    amounts = {id(leaf) for leaf in leaves if _are_from_zero(leaf)} - shares
    for labels, around in ((shares, AROUND), (amounts, SAME_VALUES)):
        of_labels = flow.depending(labels) - flow.by_variables if labels else set()
        every = flow.needed if labels else ()
        if any(_is_swapped(flow, each, labels, of_labels, around) for each in every):
            return True
    return False


def _is_swapped(
    flow: Flow,
    operation: Operation,
    labels: set[int],
    of_labels: set[int],
    around: frozenset[str],
) -> bool:
    if operation.backward:
        return False
    if operation.kind == "SoftmaxCrossEntropyWithLogits":
        logits, given = operation.inputs[:2]
        return id(logits) in of_labels and id(given) in flow.by_variables
    if operation.kind == "Log1p":
        return id(operation.inputs[0]) in of_labels and _comes_from(
            flow, operation.inputs[0], labels, OF_LOGITS | SAME_VALUES
        )
    if operation.kind != "Mul":
        return False
    for logarithm, weight in (operation.inputs, operation.inputs[::-1]):
        made = flow.producers.get(id(logarithm))
        while made is not None and made.kind in SIGNED:
            made = flow.producers.get(id(made.inputs[0]))
        if made is None or made.kind != "Log" or id(weight) not in flow.by_variables:
            continue
        argument = made.inputs[0]
        if id(argument) in of_labels and _comes_from(flow, argument, labels, around):
            return True
    return False


def _comes_from(flow: Flow, tensor: Any, labels: set[int], through: frozenset[str]) -> bool:
    """Whether a tensor is labels to which nothing but some operations was done."""
    waiting, seen = [tensor], set[int]()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in labels:
            return True
        made = flow.producers.get(id(tensor))
        if made is not None and made.kind in through and id(made) not in seen:
            seen.add(id(made))
            waiting += made.inputs
    return False


def _are_from_zero(leaf: Any, most: float = np.inf) -> bool:
    """True for numbers from 0 to at most another one that are not all alike."""
    values = np.asarray(leaf)
    if values.dtype.kind not in "biuf" or not values.size:
        return False
    low, high = values.min(), values.max()
    return bool(low < high <= most and (low == 0 or (low > 0 and most <= 1)))
