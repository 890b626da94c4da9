"""A linear fit of what each place of a picture or a series has, by what is around it in the inputs.

Targets of places, as masks, follow from the inputs around the same place. So far as they do, the
fit says what belongs together, without a model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["MOST_ROWS", "common_places", "finite", "is_looked_at", "predicted", "skill"]

Array = np.ndarray[Any, Any]

#: Rows that are looked at, at most, so that it takes a tenth of a second.
MOST_ROWS = 400
#: Places of all these rows that are looked at, for the same reason.
MOST_PLACES = 12_000
#: Channels of inputs, at most, and different values of one channel that are classes.
MOST_CHANNELS, MOST_CLASSES = 16, 12
#: Strength of the ridge, as a share of the squares of the features.
RIDGE = 1e-3


def is_looked_at(array: Array) -> bool:
    """Whether an array may be one of pictures or series, the rows first."""
    return array.dtype.kind in "biuf" and array.ndim in (3, 4) and array.size > 0


def finite(array: Array) -> Array:
    """The numbers of an array, 0 for those that are none."""
    numbers: Array = np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)
    return numbers


def common_places(inputs: Array, targets: Array) -> int:
    """How many axes of places both have, the same ones; 0 for none."""
    axes = inputs.ndim - 2
    alike = inputs.shape[1:-1] == targets.shape[1 : 1 + axes]
    fits = targets.ndim in (inputs.ndim, inputs.ndim - 1)
    return axes if alike and fits and math.prod(inputs.shape[1:-1]) > 1 else 0


def predicted(inputs: Array, table: Array, learnt: Array) -> Array:
    """What a linear fit of some rows predicts of every place of all rows.

    Args:
        inputs: pictures with the rows first.
        table: what their places have.
        learnt: the rows of which the fit is made.
    """
    inputs = inputs[..., :MOST_CHANNELS] - inputs[..., :MOST_CHANNELS].mean()
    picked = learnt[np.linspace(0, len(learnt) - 1, min(len(learnt), MOST_ROWS)).astype(int)]

    def features(rows: Array) -> Array:
        grid = np.indices((len(rows), *inputs.shape[1:3])).reshape(3, -1)
        return _around(inputs, rows[grid[0]], [grid[1], grid[2]])

    known = features(picked)
    gram = known.T @ known + RIDGE * len(known) * np.eye(known.shape[1])
    fit = np.linalg.solve(gram, known.T @ table[picked].reshape(-1, table.shape[-1]))
    every = [
        features(part) @ fit
        for part in np.array_split(np.arange(len(inputs)), max(len(inputs) // MOST_ROWS, 1))
    ]
    found: Array = np.concatenate(every).reshape(table.shape)
    return found


def skill(inputs: Array, targets: Array) -> float:
    """The skill with which a linear fit predicts targets from the inputs around their place.

    Over what the place has in the mean of all rows; learnt on half of the rows, looked at on the
    other half.
    """
    rng, places = np.random.default_rng(1), inputs.ndim - 2
    table = targets.reshape(*targets.shape[: 1 + places], -1)
    values = np.unique(table)
    if table.shape[-1] == 1 and len(values) <= MOST_CLASSES:
        table = (table == values).astype(np.float64)
    table = table - table.mean(axis=0)
    inputs = inputs[..., :MOST_CHANNELS] - inputs[..., :MOST_CHANNELS].mean(axis=0)
    rows = np.repeat(np.arange(len(inputs)), -(-MOST_PLACES // len(inputs)))
    where = [rng.integers(0, size, len(rows)) for size in inputs.shape[1:-1]]
    features = _around(inputs, rows, where)
    features /= np.maximum(features.std(axis=0), 1e-12)
    asked = table[(rows, *where)]
    total = float(np.square(asked).sum())
    if not total:
        return 0.0
    error = 0.0
    for learnt in (rows % 2 == 0, rows % 2 == 1):
        known = features[learnt]
        gram = known.T @ known
        gram += RIDGE * len(known) * np.eye(len(gram))
        fit = np.linalg.solve(gram, known.T @ asked[learnt])
        error += float(np.square(asked[~learnt] - features[~learnt] @ fit).sum())
    return max(1.0 - error / total, 0.0)


def _around(inputs: Array, rows: Array, where: list[Array]) -> Array:
    """The channels of places, their squares and those of the places beside them."""
    here = inputs[(rows, *where)]
    found = [np.ones((len(rows), 1)), here, np.square(here)]
    for axis, size in enumerate(inputs.shape[1:-1]):
        for step in (-1, 1):
            beside = [*where]
            beside[axis] = np.clip(where[axis] + step, 0, size - 1)
            found.append(inputs[(rows, *beside)])
    return np.concatenate(found, axis=1)
