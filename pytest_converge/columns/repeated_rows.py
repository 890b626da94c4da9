"""Rows that occur more than once.

Every row is projected on a random direction; rows that are equal have equal numbers up to
rounding. Candidates next to each other in their order are then compared value by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part
from pytest_converge.columns.moments import BLOCK_VALUES

__all__ = ["repeated_rows"]

Array = np.ndarray[Any, Any]

#: Rounding of a projection, relative to the spread of all of them.
TOLERANCE = 1e-9
#: What stands for NaN in a projection.
NOTHING = 0.123456789
#: What stands for infinity in it: the square is a number.
LARGEST = 1e150
#: Rows by which the size of each column is told.
HEAD = 256
#: Pairs of rows that are compared at a time.
PAIRS = 4096
#: Values of a row that are projected first; all of them where that leaves more than this share of
#: the rows alike.
FEW_COLUMNS, MANY = 16, 0.05


def repeated_rows(parts: Sequence[Part]) -> tuple[Array, Array]:
    """(rows that occur more than once, number of the group of each), groups side by side.

    Args:
        parts: all columns, of any type.
    """
    coded = [_coded(part) for part in parts]
    order, near = _neighbours(coded, FEW_COLUMNS)
    if len(near) > MANY * len(order):
        order, near = _neighbours(coded, None)  # these few do not tell rows apart
    equal = np.zeros(len(order), dtype=bool)
    for start in range(0, len(near), PAIRS):
        places = near[start : start + PAIRS]
        equal[places + 1] = _same(coded, order[places], order[places + 1])
    repeated = equal.copy()
    repeated[:-1] |= equal[1:]
    groups = np.cumsum(~equal)
    return order[repeated], groups[repeated]


def _coded(part: Part) -> Any:
    """The array of a part; text as numbers, one for each different value."""
    if part.sparse or part.array.dtype.kind in "biuf":
        return part.array
    texts = np.array([str(value) for value in part.array.reshape(-1)])
    return np.unique(texts, return_inverse=True)[1].reshape(part.array.shape)


def _neighbours(arrays: Sequence[Any], most: int | None) -> tuple[Array, Array]:
    """(rows in the order of their projections, places that are followed by a near one)."""
    keys = _projections(arrays, most)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    scale = float(ordered[-1] - ordered[0]) or 1.0
    return order, np.flatnonzero(np.diff(ordered) <= TOLERANCE * scale)


def _projections(arrays: Sequence[Any], most: int | None) -> Array:
    """One number a row, made of `most` values spread evenly over the row, or of all."""
    rng = np.random.default_rng(0)
    total = sum(int(np.prod(array.shape[1:])) for array in arrays)
    stride = 1 if most is None else max(1, total // most)
    keys = np.zeros(arrays[0].shape[0])
    for array in arrays[:: stride if len(arrays) > 1 else 1]:
        width = int(np.prod(array.shape[1:]))
        weights = rng.standard_normal(width)
        if hasattr(array, "tocsr"):
            keys += array @ weights
            continue
        head = _numbers(array[:HEAD].reshape(-1, width))
        weights /= np.abs(head).mean(axis=0) + head.std(axis=0) + 1e-30
        taken = slice(None, None, stride if width > 1 else 1)
        weights = weights[taken]
        step = max(1, BLOCK_VALUES // width)
        for start in range(0, len(keys), step):
            block = array[start : start + step].reshape(-1, width)[:, taken]
            with np.errstate(invalid="ignore"):
                found = block.astype(np.float64) @ weights
            if not np.isfinite(found).all():
                found = _numbers(block) @ weights
            keys[start : start + step] += found
    return keys


def _numbers(block: Array) -> Array:
    values = block.astype(np.float64)
    return np.where(np.isnan(values), NOTHING, np.clip(values, -LARGEST, LARGEST))


def _same(arrays: Sequence[Any], first: Array, second: Array) -> Array:
    same = np.ones(len(first), dtype=bool)
    for array in arrays:
        a, b = array[first], array[second]
        if hasattr(a, "toarray"):
            a, b = a.toarray(), b.toarray()
        a, b = a.reshape(len(first), -1), b.reshape(len(first), -1)
        same &= ((a == b) | ((a != a) & (b != b))).all(axis=1)  # noqa: PLR0124 - NaN is not
    return same
