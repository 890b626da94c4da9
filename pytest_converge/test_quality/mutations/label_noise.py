"""Label noise: a small share of the rows with the targets of others."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["NOISE", "noisy_labels"]

Array = np.ndarray[Any, Any]

#: The share of rows that get a wrong target: what careless labelling adds (Northcutt et al. 2021,
#: arXiv:2103.14749, found 0.2 to 10 % in ten well-known test sets).
NOISE = 0.05
#: Whole numbers are classes where each stands in so many places on average; else they are amounts.
FEWEST_OF_A_CLASS = 4
#: Picks the rows and what they get, alike for every start.
SEED = 5
#: Keeps the sums of several arrays within 64 bits: the largest prime below 2**61.
LARGEST_PRIME = 2**61 - 1


def noisy_labels(data: ArrayData) -> Intervention:
    """5 % of the rows with a wrong target, the same rows in every start and epoch.

    Classes are drawn among the other classes that are present, also in one-hot rows. Other
    targets are exchanged among the rows that were picked.
    """
    groups = _groups(data)
    count = int(groups.max()) + 1
    rng = np.random.default_rng(SEED)
    picked = rng.permutation(count)[: max(math.ceil(NOISE * count), min(count, 2))]
    member = np.isin(groups, picked)

    def change(name: str, array: Any) -> Any:
        if not name.startswith("y"):
            return array
        return _wrong(array, groups, member, np.random.default_rng(SEED))

    return Intervention(
        code="",
        change=f"{100 * NOISE:g} % label noise",
        where=("y",),
        data=lambda rows: rows.with_arrays(map_named(rows.arrays, change)),
    )


def _groups(data: ArrayData) -> Array:
    """A number for each row, the same for rows of a dataset that are equal: epochs repeat them."""
    if not data.from_source:
        return np.arange(data.rows)
    sums = np.zeros(data.rows, dtype=np.uint64)
    for _, array in batch_leaves(data.arrays):
        block = array.astype("U") if array.dtype.kind == "O" else array
        for row in range(data.rows):
            digest = zlib.crc32(block[row : row + 1].tobytes())
            sums[row] = (int(sums[row]) * 2**32 + digest) % LARGEST_PRIME
    inverse: Array = np.unique(sums, return_inverse=True)[1]
    return inverse.reshape(-1)


def _wrong(array: Array, groups: Array, member: Array, rng: np.random.Generator) -> Array:
    """The targets with those of the picked rows changed, equal rows alike."""
    rows = np.flatnonzero(member)
    _, first, inverse = np.unique(groups[rows], return_index=True, return_inverse=True)
    given = array[rows[first]]
    if _is_one_hot(array):
        present = np.flatnonzero(array.reshape(-1, array.shape[-1]).any(axis=0))
        drawn = _others(given.argmax(axis=-1), present, rng)
        new = np.eye(array.shape[-1], dtype=array.dtype)[drawn]
    elif _is_classes(array):
        new = _others(given, np.unique(array), rng).astype(array.dtype)
    else:
        new = given[_derangement(len(given), rng)]
    changed = array.copy()
    changed[rows] = new[inverse.reshape(-1)]
    return changed


def _is_one_hot(array: Array) -> bool:
    if array.ndim < 2 or array.shape[-1] < 2 or array.dtype.kind not in "fiub":
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=-1) == 1).all())


def _is_classes(array: Array) -> bool:
    """Whole numbers that repeat, one a row or one a place; several flags in a row are none."""
    if array.dtype.kind not in "fiub":
        return False
    if array.dtype.kind == "f":
        if array.ndim > 1 and array.shape[-1] > 1:
            return False
        if not np.array_equal(array, np.round(array)):
            return False
    return len(np.unique(array)) * FEWEST_OF_A_CLASS <= array.size


def _others(labels: Array, present: Array, rng: np.random.Generator) -> Array:
    """For each label another of those present; the label itself where there is but one."""
    if len(present) < 2:
        return labels
    at = np.searchsorted(present, labels)
    moved = (at + rng.integers(1, len(present), size=at.shape)) % len(present)
    drawn: Array = present[moved]
    return drawn


def _derangement(count: int, rng: np.random.Generator) -> Array:
    """A random cycle through all places, so that none keeps its own."""
    cycle = rng.permutation(count)
    order = np.empty(count, dtype=np.int64)
    order[cycle] = np.roll(cycle, 1)
    return order
