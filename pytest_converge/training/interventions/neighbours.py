"""Sums over the neighbours in a graph as means, wherever the matrix of the neighbours is held."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from pytest_converge.core.numbers import listed, number
from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.held_arrays import HeldArray, held_arrays
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.training import Training

__all__ = ["averaged_neighbours"]

Array = np.ndarray[Any, Any]

#: Operations in which every row of the first factor picks and adds up rows of the second one.
SUMMING = frozenset({"BatchMatMul", "BatchMatMulV2", "Einsum", "MatMul"})
#: How many times a product may make larger what it sums: means and the symmetric normalisation have
#: an eigenvalue of 1, one neighbour beside the node itself has 2.
LARGEST_FACTOR = 2.0
#: Powers of a matrix that tell its largest eigenvalue, and matrices of a batch that are looked at.
POWERS, MOST_MATRICES = 20, 16


@dataclasses.dataclass(frozen=True, slots=True)
class _Sums:
    """Matrices of neighbours of one training.

    Attributes:
        leaves: names of those in the batches.
        held: those that functions and layers hold.
        factors: by the name, how many times a product with each makes larger what it sums.
        bare: names of those with a row of zeros.
    """

    leaves: tuple[str, ...]
    held: tuple[HeldArray, ...]
    factors: Mapping[str, float]
    bare: frozenset[str]


def averaged_neighbours(training: Training) -> list[Intervention]:
    """The matrices by which a network adds up neighbours, with rows that add up to 1.

    Then the same with the symmetric normalisation. Empty where there are none, or where none of
    them makes anything much larger.

    Args:
        training: at any weights, which stay as they are.
    """
    sums = _sums(Flow(recorded(training, training.first_batch())), training)
    if not sums.factors:
        return []
    largest = number(max(sums.factors.values()))
    names = listed(tuple(sums.factors))
    fault = f"products with {names} add up neighbours, to {largest} times as much"
    ways = (
        ("divided by the sums of its rows", _mean, "{a} / {sums}"),
        ("divided by the roots of the sums of its rows", _symmetric, "{a} / {roots}"),
    )
    return [_changed(sums, fault, *way) for way in ways]


def _sums(flow: Flow, training: Training) -> _Sums:
    found = dict(_matrices(flow))
    names = {id(leaf): name for name, leaf in flow.recording.leaves.items() if name[0] not in "ys"}
    in_memory = training.rows_in_memory is not None
    leaves = tuple(names[at] for at in found if at in names and in_memory)
    held, factors, bare = [], {}, set()
    for at, (factor, empty) in found.items():
        if at in names and in_memory:
            factors[names[at]] = factor
            bare |= {names[at]} if empty else set()
    for array in held_arrays(training) if found else ():
        known = [found[id(t)] for t in array.tensors(flow) if id(t) in found]
        if known:
            held.append(array)
            factors[array.name], empty = known[0]
            bare |= {array.name} if empty else set()
    return _Sums(leaves, tuple(held), factors, frozenset(bare))


def _matrices(flow: Flow) -> Iterator[tuple[int, tuple[float, bool]]]:
    """(id of a matrix, (its factor, whether a row is empty)) of each that sums up in a network."""
    products = [o for o in flow.needed if o.kind in SUMMING and not o.backward]
    pairs = [o.inputs for o in products if len(o.inputs) == 2]
    if not any(_is_weight(flow, right) for _, right in pairs):
        return  # an equation whose unknowns are the variables, which means its own factors
    for left, right in pairs:
        if id(left) in flow.by_variables or _is_weight(flow, right):
            continue
        matrix = flow.source(left)
        shape = matrix.shape
        if shape.rank not in (2, 3) or shape[-1] != shape[-2] or not matrix.dtype.is_floating:
            continue
        values = matrix.numpy().reshape(-1, *shape[-2:])[:MOST_MATRICES]
        if np.isfinite(values).all() and (values >= 0).all():
            factor = _largest_eigenvalue(values)
            if factor > LARGEST_FACTOR:
                yield id(matrix), (factor, bool((values.sum(axis=-1) == 0).any()))


def _is_weight(flow: Flow, tensor: Any) -> bool:
    made = flow.origin(tensor)
    return made is not None and made.kind == "ReadVariableOp"


def _largest_eigenvalue(matrices: Array) -> float:
    """That of matrices without negative numbers, the largest of them."""
    vectors = np.ones((*matrices.shape[:-1], 1))
    size = np.zeros((len(matrices), 1, 1))
    for _ in range(POWERS):
        vectors = matrices @ vectors
        size = np.linalg.norm(vectors, axis=-2, keepdims=True)
        vectors = vectors / np.where(size > 0, size, 1.0)
    return float(size.max())


def _changed(
    sums: _Sums, fault: str, words: str, change: Callable[[Array], Array], code: str
) -> Intervention:
    def data(rows: ArrayData) -> ArrayData:
        return rows.with_arrays(
            map_named(rows.arrays, lambda n, array: change(array) if n in sums.leaves else array)
        )

    @contextlib.contextmanager
    def variant(_: Training) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for held in sums.held:
                stack.enter_context(held.replaced(change(held.values)))
            yield

    names = tuple(sums.factors)
    lines = [_line(name, code, "np", name in sums.bare) for name in sums.leaves]
    lines += [
        held.line(_line(held.name, code, "tf" if held.tensor else "np", held.name in sums.bare))
        for held in sums.held
    ]
    return Intervention(
        code="unscaled-features",
        change=f"{listed(names)} {words}",
        fix="\n".join(dict.fromkeys(lines)),
        where=names,
        fault=fault,
        data=data if sums.leaves else None,
        variant=variant if sums.held else None,
    )


def _line(name: str, code: str, package: str, bare: bool) -> str:
    row, column = "axis=-1, keepdims=True", "axis=-2, keepdims=True"
    by_tensor = package == "tf"

    def of(axis: str) -> str:
        total = f"tf.reduce_sum({name}, {axis})" if by_tensor else f"{name}.sum({axis})"
        return f"{package}.maximum({total}, 1e-9)" if bare else total

    roots = f"{package}.sqrt({of(row)} * {of(column)})"
    return f"{name} = " + code.format(a=name, sums=of(row), roots=f"({roots})" if bare else roots)


def _mean(matrix: Array) -> Array:
    averaged: Array = matrix / _at_least(matrix.sum(axis=-1, keepdims=True))
    return averaged


def _symmetric(matrix: Array) -> Array:
    sums = _at_least(matrix.sum(axis=-1, keepdims=True))
    others = _at_least(matrix.sum(axis=-2, keepdims=True))
    normalised: Array = matrix / np.sqrt(sums * others)
    return normalised


def _at_least(sums: Array) -> Array:
    """Sums by which can be divided: a node without neighbours has none to share."""
    return np.where(sums > 0, sums, 1.0).astype(sums.dtype)
