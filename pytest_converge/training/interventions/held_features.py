"""Features that a loss or a step closes over, on another scale where they are held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pytest_converge.core.numbers import number
from pytest_converge.training.interventions.held_arrays import HeldArray, held_arrays
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.closed_over_inputs import is_off
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import Operation, recorded
from pytest_converge.training.training import Training

__all__ = ["standardised_where_held"]

#: Operations by which a weight meets its feature.
PRODUCTS = frozenset({"BatchMatMulV2", "MatMul", "Mul"})
#: Operations that add an intercept.
SUMS = frozenset({"AddV2", "BiasAdd", "Sub"})


def standardised_where_held(training: Training) -> Iterator[Intervention]:
    """Each array on which the scale rule fires, and which weights of the user's own code multiply.

    With an intercept beside it the same line, with other weights, is still among what can be
    learnt. A product without one keeps its zero, and what is bent, as an exponential of a rate
    times a time, its unit as well: these have a meaning.

    Args:
        training: where it began, with data that nobody hands to it.
    """
    candidates = [
        held
        for held in held_arrays(training)
        if held.values.dtype.kind == "f" and not held.layer and _is_off(held.values)
    ]
    if candidates:
        flow = Flow(recorded(training, training.first_batch()))
        for held in candidates:
            if _has_an_intercept(held, flow):
                yield _standardised(held)


def _is_off(values: Any) -> bool:
    return values.ndim in (1, 2) and is_off(values.reshape(len(values), -1))


def _has_an_intercept(held: HeldArray, flow: Flow) -> bool:
    """Whether weights multiply an array, and others are added, wherever its numbers are weighed."""
    same = {id(tensor) for tensor in held.tensors(flow)}
    by_array = flow.depending(same)
    products = [each for each in _forward(flow) if _weighs(flow, each, same)]
    return bool(products) and all(_is_shifted(flow, each, by_array) for each in products)


def _forward(flow: Flow) -> Iterator[Operation]:
    """What the step computes outside of layers, no gradients."""
    return (each for each in flow.needed if not each.backward and not each.layer)


def _weighs(flow: Flow, operation: Operation, same: set[int]) -> bool:
    if operation.kind not in PRODUCTS:
        return False
    one, other = operation.inputs[:2]
    return any(
        id(flow.source(a)) in same and id(b) in flow.by_variables
        for a, b in ((one, other), (other, one))
    )


def _is_shifted(flow: Flow, product: Operation, by_array: set[int]) -> bool:
    """Whether some trained number without the array in it is added to a product or to its sum."""
    reached = {id(tensor) for tensor in product.outputs}
    for operation in _forward(flow):
        if not any(id(flow.source(tensor)) in reached for tensor in operation.inputs):
            continue
        if operation.kind in SUMS:
            if any(
                id(tensor) in flow.by_variables and id(tensor) not in by_array
                for tensor in operation.inputs
            ):
                return True
            reached.update(id(tensor) for tensor in operation.outputs)
    return False


def _standardised(held: HeldArray) -> Intervention:
    values = held.values.astype(np.float64)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    new = (values - mean) / np.where(deviation > 0, deviation, 1.0)
    axis = ", axis=0" if values.ndim > 1 else ""
    code = f"y = (y - y.mean({axis[2:]})) / y.std({axis[2:]})"
    if held.tensor:
        code = f"y = (y - tf.reduce_mean(y{axis})) / tf.math.reduce_std(y{axis})"
    farthest = int(np.argmax(np.abs(mean) + deviation)) if values.ndim > 1 else 0
    column = f" in column {farthest}" if values.ndim > 1 else ""
    middle, spread = np.atleast_1d(mean)[farthest], np.atleast_1d(deviation)[farthest]
    return Intervention(
        code="unscaled-features",
        change=f"{held.name} standardised",
        fix=held.line(code),
        where=(held.name,),
        fault=(
            f"{held.name} has a mean of {number(float(middle))} and a standard deviation of"
            f" {number(float(spread))}{column}"
        ),
        variant=lambda _: held.replaced(new),
    )
