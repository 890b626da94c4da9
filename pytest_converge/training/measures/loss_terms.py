"""The terms that a loss is the sum of, and what each of them asks of the weights."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.additions import additions_visited
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.gradients import flat
from pytest_converge.training.measures.recording import Operation, recorded
from pytest_converge.training.training import Training

__all__ = ["LossTerm", "loss_terms"]


#: Operations that grow with the size of a number, whatever its sign.
GROWING = frozenset({"Abs", "L2Loss", "Pow", "Square"})
#: What a norm is made by beside these: each number by itself, and their sum or mean.
OF_NORMS = frozenset(
    {
        *("AddN", "AddV2", "Cast", "Exp", "Identity", "Mean", "Mul", "ReadVariableOp", "RealDiv"),
        *("Reshape", "Sigmoid", "Softplus", "Sqrt", "Sum"),
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossTerm:
    """One term of the loss of the first batch.

    Attributes:
        place, part: which part of which sum of the step it is, as `additions_visited` counts them.
        weight: the number by which the step multiplies it; None where it does not.
        value: what it adds to the loss.
        rest: what all the others add.
        slope, slope_of_rest: the L2 norms of their gradients by the trained variables.
        is_penalty: True where it is made of the trained variables alone, beside a term that reads
            data, or is a norm of them, beside one that is not.
    """

    place: int
    part: int
    weight: float | None
    value: float
    rest: float
    slope: float
    slope_of_rest: float
    is_penalty: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Sum:
    """A sum of single numbers, or of one a row, that a step made."""

    place: int
    kind: str
    parts: tuple[Any, ...]


def loss_terms(training: Training) -> tuple[LossTerm, ...]:
    """The terms of the loss on the first batch at the present weights; changes nothing.

    Sums are followed from the loss backwards as long as they add up single numbers, or one a row
    whose sum or mean is taken, so that a sum of sums is one of all its terms. What Keras adds up of
    a compiled model is known by its settings.

    Args:
        training: with a step that can run outside of any graph.

    Returns:
        An empty tuple for a loss of one term.
    """
    if not _adds_by_itself(training):
        return ()
    sums: list[_Sum] = []

    def note(place: int, kind: str, parts: list[Any]) -> list[Any]:
        held = [tf.convert_to_tensor(part, _dtype(parts)) for part in parts]
        sums.append(_Sum(place, kind, tuple(held)))
        return held

    with tf.GradientTape(persistent=True) as tape, additions_visited(training, note):
        recording = recorded(training, training.first_batch())
    flow = Flow(recording)
    by_parts = {tuple(map(id, each.parts)): each for each in sums}
    losses = [t for t in flow.targets if t.shape.num_elements() == 1 and t.dtype.is_floating]
    if not losses:
        return ()
    found = list(_terms(flow, losses[0], by_parts, 1.0))
    if len(found) < 2:
        return ()
    variables = training.trainable
    whole = _gradient(tape, losses[0], variables)
    total = float(tf.reshape(losses[0], ()))
    terms = []
    tensors = [each.parts[part] for each, part, _ in found]
    penalties = _penalties(flow, tensors, [factor for _, _, factor in found])
    for (each, part, factor), tensor, is_penalty in zip(found, tensors, penalties, strict=True):
        value = factor * float(tensor.numpy().sum())
        own = factor * _gradient(tape, tensor, variables)
        terms.append(
            LossTerm(
                place=each.place,
                part=part,
                weight=_weight(flow, tensor),
                value=value,
                rest=total - value,
                slope=float(np.linalg.norm(own)),
                slope_of_rest=float(np.linalg.norm(whole - own)),
                is_penalty=is_penalty,
            )
        )
    return tuple(terms)


def _adds_by_itself(training: Training) -> bool:
    """Whether the sum is the user's: in a step, a closure, or a `compute_loss` of their own."""
    own = keras.Model.compute_loss
    model = training.model
    return model is None or training.own_step or type(model).compute_loss is not own


def _terms(flow: Flow, tensor: Any, sums: Any, factor: float) -> Any:
    """(sum, number of the part, what the loss has it times) of what is no sum itself."""
    operation = flow.origin(tensor)
    if operation is None:
        return
    made = sums.get(tuple(map(id, operation.inputs)))
    if made is None:
        inside, times = _scaled(operation)
        if inside is not None:
            yield from _terms(flow, inside, sums, factor * times)
        return
    for number, part in enumerate(made.parts):
        own = -factor if made.kind == "Sub" and number else factor
        inner = list(_terms(flow, part, sums, own))
        yield from inner or [(made, number, own)]


def _scaled(operation: Operation) -> tuple[Any, float]:
    """(what a number is made of, how many times): a sum or a mean over rows, a sign; else None."""
    if operation.kind not in ("Mean", "Neg", "Sum"):
        return None, 1.0
    first = operation.inputs[0]
    if operation.kind == "Neg":
        return first, -1.0
    if first.shape.rank != 1:
        return None, 1.0
    return first, 1.0 if operation.kind == "Sum" else 1.0 / max(int(first.shape[0]), 1)


def _penalties(flow: Flow, tensors: list[Any], signs: list[float]) -> list[bool]:
    """Which of the terms keep variables small, whatever the others ask for.

    Without any data a weighted norm is one, in a sum with what is none. Constants are no terms.
    """
    trained = set(flow.read)
    by_variables = [id(tensor) in flow.by_variables for tensor in tensors]
    data, norms = [], []
    for tensor in tensors:
        operations, leaves = flow.behind(tensor)
        data.append(any(_is_array(leaf) for leaf in leaves if id(leaf) not in trained))
        kinds = {operation.kind for operation in operations}
        norms.append(kinds <= OF_NORMS | GROWING and bool(kinds & GROWING))
    every = list(zip(tensors, signs, by_variables, data, norms, strict=True))
    if any(moved and reads for _, _, moved, reads, _ in every):
        return [moved and not reads and sign > 0 for _, sign, moved, reads, _ in every]
    landscape = [(sign, norm) for _, sign, moved, _, norm in every if moved]
    if any(sign < 0 for sign, _ in landscape) or all(norm for _, norm in landscape):
        return [False for _ in tensors]  # of a landscape no part has a meaning by itself
    return [
        moved and norm and _weight(flow, tensor) is not None for tensor, _, moved, _, norm in every
    ]


def _is_array(leaf: Any) -> bool:
    """Whether a tensor that nothing made is data, and no shape and no single number."""
    held = leaf.dtype == tf.resource or leaf.dtype.is_floating
    return bool(held and (leaf.dtype == tf.resource or leaf.shape.num_elements() != 1))


def _gradient(tape: tf.GradientTape, target: Any, variables: list[Any]) -> Any:
    found = tape.gradient(target, variables, unconnected_gradients="zero")
    return flat([tf.convert_to_tensor(part).numpy() for part in found])


def _weight(flow: Flow, tensor: Any) -> float | None:
    """The number that a term is multiplied by right before it is added, where it is a constant."""
    operation = flow.origin(tensor)
    if operation is None or operation.kind != "Mul":
        return None
    fixed = [each for each in operation.inputs if id(each) not in flow.producers]
    scalars = [each for each in fixed if each.shape.num_elements() == 1]
    if len(scalars) != 1 or scalars[0].dtype == tf.resource:
        return None
    return float(f"{float(keras.ops.convert_to_numpy(scalars[0])):.7g}")


def _dtype(parts: list[Any]) -> Any:
    return next(part.dtype for part in parts if isinstance(part, tf.Tensor))
