"""Targets that a binary cross-entropy of the user's own reads as probabilities."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation, recorded
from pytest_converge.training.training import Training

__all__ = ["TOLERANCE", "Shares", "falls_without_end", "targets_read_as_shares"]

#: What float32 and rounded shares may add to a probability, or to a sum of them.
TOLERANCE = 1e-3

#: What may be done to the logarithm of a probability before it is weighted.
SIGNED = frozenset({"Cast", "Identity", "Neg"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Targets that weigh both logarithms of a cross-entropy.

    Attributes:
        leaf: the array of the batch that they are, by name; empty for none.
        low, high: the least and the largest of them in one step.
    """

    leaf: str
    low: float
    high: float

    @property
    def beyond(self) -> bool:
        """True where they are no probabilities: such a loss has no least value."""
        return self.low < -TOLERANCE or self.high > 1 + TOLERANCE


def falls_without_end(training: Training) -> bool:
    """Whether a step computes a binary cross-entropy of targets that are no probabilities."""
    read = targets_read_as_shares(Flow(recorded(training, training.first_batch())))
    return read is not None and read.beyond


def targets_read_as_shares(flow: Flow) -> Shares | None:
    """The targets of the first binary cross-entropy in a step, or None.

    They are seen in `1 - y`, the weight of the logarithm of what is left of a probability, and in
    `tf.nn.sigmoid_cross_entropy_with_logits`, which takes `y` times the logits off these.
    """
    for operation in flow.needed:
        weight = None
        if not operation.backward:
            weight = _of_logits(flow, operation)
            weight = _of_probabilities(flow, operation) if weight is None else weight
        if weight is not None and weight.shape.num_elements():
            values = weight.numpy()
            leaf = flow.leaf_behind(weight)
            return Shares(leaf=leaf, low=float(values.min()), high=float(values.max()))
    return None


def _of_logits(flow: Flow, total: Operation) -> Any:
    """From `max(x, 0) - x * y + log1p(exp(-abs(x)))`."""
    if total.kind not in ("Add", "AddV2"):
        return None
    first, second = (flow.producers.get(id(tensor)) for tensor in total.inputs)
    if first is None or second is None or (first.kind, second.kind) != ("Sub", "Log1p"):
        return None
    product = flow.producers.get(id(first.inputs[1]))
    if product is None or product.kind != "Mul":
        return None
    for weight, weighed in (product.inputs, product.inputs[::-1]):
        if id(weighed) in flow.by_variables and id(weight) not in flow.by_variables:
            return weight
    return None


def _of_probabilities(flow: Flow, product: Operation) -> Any:
    """From `(1 - y) * log(1 - p)`."""
    if product.kind != "Mul":
        return None
    for weight, logarithm in (product.inputs, product.inputs[::-1]):
        rest, made = (flow.producers.get(id(tensor)) for tensor in (weight, logarithm))
        while made is not None and made.kind in SIGNED:
            made = flow.producers.get(id(made.inputs[0]))
        if rest is None or rest.kind != "Sub" or made is None or made.kind != "Log":
            continue
        whole, targets = rest.inputs
        is_one = whole.shape.num_elements() == 1 and float(whole.numpy().reshape(-1)[0]) == 1.0
        known = id(logarithm) in flow.by_variables and id(targets) not in flow.by_variables
        if is_one and known:
            return targets
    return None
