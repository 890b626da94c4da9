"""Whether rows held out were trained on: more often than rows repeat by nature.

Rows of few categories repeat, and a split at random puts some of the copies on both sides. So what
counts are the groups of equal rows, both sets taken together: in a split at random each of them
falls apart with a probability that its size gives, one independently of the other, whatever the
rows are. Copies on purpose are always apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.fingerprint import row_numbers
from pytest_converge.columns.frames import Part
from pytest_converge.core.overlap import RowOverlap

__all__ = ["numbers_of_parts", "row_overlap"]

Array = np.ndarray[Any, Any]

#: Halvings of the interval in which the bound is smallest; its width is 60 at first.
HALVINGS = 60
#: Rows of a sparse matrix that are made dense at a time.
DENSE_ROWS = 1024


def row_overlap(trained: Array, held_out: Array) -> RowOverlap:
    """Compares two sets of rows.

    Args:
        trained: a number for each row that is trained on, as by `row_numbers`.
        held_out: one for each row that is not.
    """
    numbers, inverse = np.unique(np.concatenate([trained, held_out]), return_inverse=True)
    inverse = inverse.reshape(-1)
    inside = np.bincount(inverse[: len(trained)], minlength=len(numbers))
    outside = np.bincount(inverse[len(trained) :], minlength=len(numbers))
    sizes = inside + outside
    apart = (inside > 0) & (outside > 0)
    several, share = sizes > 1, len(held_out) / (len(trained) + len(held_out))
    chances = 1.0 - (1.0 - share) ** sizes[several] - share ** sizes[several]
    expected = share * sizes[several] * (1.0 - share ** (sizes[several] - 1))
    return RowOverlap(
        shared=int(outside[apart].sum()),
        rows=len(held_out),
        expected=float(expected.sum()),
        p_value=_bound(chances, int(apart.sum())),
    )


def numbers_of_parts(parts: Sequence[Part]) -> Array:
    """A number for each row of all columns together."""
    if not any(part.sparse for part in parts):
        return row_numbers([part.array for part in parts])
    rows = len(parts[0])
    blocks = [
        row_numbers(
            [
                part.array[start : start + DENSE_ROWS].toarray()
                if part.sparse
                else part.array[start : start + DENSE_ROWS]
                for part in parts
            ]
        )
        for start in range(0, rows, DENSE_ROWS)
    ]
    return np.concatenate(blocks)


def _bound(chances: Array, found: int) -> float:
    """A bound on the probability of at least as many successes of independent trials.

    The one of Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis" (1952).

    Args:
        chances: of each trial.
        found: successes.
    """
    if found <= chances.sum():
        return 1.0
    if found == len(chances):
        return float(math.exp(np.log(chances).sum()))
    low, high = 0.0, 60.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        grown = chances * math.exp(middle)
        if (grown / (1.0 - chances + grown)).sum() < found:
            low = middle
        else:
            high = middle
    logs = np.log1p(chances * math.expm1(low)).sum() - low * found
    return float(math.exp(min(logs, 0.0)))
