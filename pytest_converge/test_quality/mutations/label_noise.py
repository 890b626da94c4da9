"""Label noise: a small share of the rows with the targets of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytest_converge.columns.classes import task_of
from pytest_converge.columns.frames import Part
from pytest_converge.columns.repeated_rows import repeated_rows
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.targets import of_targets

__all__ = ["NOISE", "noisy_labels", "task_of_places"]

Array = np.ndarray[Any, Any]

#: The share of rows that get a wrong target: what careless labelling adds (Northcutt et al. 2021,
#: arXiv:2103.14749, found 0.2 to 10 % in ten well-known test sets).
NOISE = 0.05
#: Picks the rows and what they get, alike for every start.
SEED = 5


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

    def change(array: Array) -> Array:
        return _wrong(array, groups, member, np.random.default_rng(SEED))

    return Intervention(
        code="",
        change=f"{100 * NOISE:g} % label noise",
        where=("y",),
        data=of_targets(change),
    )


def _groups(data: ArrayData) -> Array:
    """A number for each row, the same for rows of a dataset that are equal: epochs repeat them."""
    numbers = np.arange(data.rows)
    if not data.from_source:
        return numbers
    parts = [Part(name, (name,), array) for name, array in batch_leaves(data.arrays)]
    rows, groups = repeated_rows(parts)
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    numbers[rows] = rows[first][inverse.reshape(-1)]
    grouped: Array = np.unique(numbers, return_inverse=True)[1]
    return grouped.reshape(-1)


def _wrong(array: Array, groups: Array, member: Array, rng: np.random.Generator) -> Array:
    """The targets with those of the picked rows changed, equal rows alike."""
    rows = np.flatnonzero(member)
    _, first, inverse = np.unique(groups[rows], return_index=True, return_inverse=True)
    given = array[rows[first]]
    task = task_of_places(array)
    if task == "one-hot":
        present = np.flatnonzero(array.reshape(-1, array.shape[-1]).any(axis=0))
        own = given.argmax(axis=-1)
        new, drawn = given.copy(), _others(own, present, rng)
        for here, there in ((own, drawn), (drawn, own)):
            moved = np.take_along_axis(given, there[..., None], axis=-1)
            np.put_along_axis(new, here[..., None], moved, axis=-1)
    elif task == "classes":
        new = _others(given, np.unique(array), rng).astype(array.dtype)
    else:
        new = given[_derangement(len(given), rng)]
    changed = array.copy()
    changed[rows] = new[inverse.reshape(-1)]
    return changed


def task_of_places(array: Array) -> str:
    """What the targets are: one label a row, or one a place; several flags in a row are none."""
    wide = array.ndim > 1 and array.shape[-1] > 1
    task = task_of(array.reshape(-1, array.shape[-1] if wide else 1))
    numbered = task == "labels" and array.dtype.kind in "iu" and array.max() > 1
    return task_of(array.reshape(-1)) if numbered else task


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
