"""The one rule that says whether targets are classes, and the classes that they are."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["as_table", "class_labels", "row_sums", "task_of"]

Array = np.ndarray[Any, Any]

#: Numbers are classes up to so many different ones, where each has so many rows on average.
MOST_CLASSES, ROWS_A_CLASS = 20, 4
#: Integers that fill a range are classes up to so many.
MOST_INTEGER_CLASSES = 1000
#: They fill it where so much of it occurs as random draws from it would cover.
COVERED = 0.95
#: What a label of two classes is, however few rows there are.
FLAGS = ([0.0, 1.0], [-1.0, 1.0])
#: Numbers of events have at least so many different values, and the largest one is this rare.
FEWEST_COUNTS, RARE_COUNT = 6, 0.03
#: And the third of the numbers nearest to the most frequent one has so many of the rows: a third
#: if all were equally frequent, 60 % and more of Poisson's.
CENTRAL = 0.5
#: A matrix of values from 0 to 1 is one-hot where so many rows have the same sum.
ONE_HOT_FROM = 0.9
#: How far the sum of a one-hot or soft label may be from 1: float16.
SUM_ERROR = 2e-3


def task_of(targets: Array, stated: str | None = None) -> str:
    """What targets are, told from the numbers where nobody says it.

    Args:
        targets: the rows first.
        stated: "classes" or "values", as the user or the loss says; heeded for a single column.

    Returns:
        "classes" (one label a row), "one-hot" (one column a class, soft labels included), "labels"
        (several labels a row or one a place) or "values".
    """
    table = as_table(targets)
    if stated is not None and table.shape[1] == 1:
        return stated
    if targets.ndim > 2 and targets.size > len(targets):
        return "values" if table.dtype.kind == "f" else "labels"
    if table.shape[1] > 1:
        return _task_of_matrix(table)
    if table.dtype.kind not in "iuf":
        return "classes"
    column = table[:, 0]
    held = column[np.isfinite(column)] if column.dtype.kind == "f" else column
    values, counts = np.unique(held, return_counts=True)
    return "classes" if len(values) and _are_classes(values, counts) else "values"


def class_labels(targets: Array, task: str) -> tuple[list[Any], Array, Array] | None:
    """(labels, number of the label of each row, rows of each label); None without classes.

    Args:
        targets: the rows first.
        task: what `task_of` says of them.
    """
    table = as_table(targets)
    if task == "one-hot":
        inverse = np.nan_to_num(table).argmax(axis=1)
        return list(range(table.shape[1])), inverse, np.bincount(inverse, minlength=table.shape[1])
    if task != "classes":
        return None
    column = table[:, 0]
    if column.dtype.kind == "O":
        column = np.array(["" if value is None else str(value) for value in column])
    values, inverse = np.unique(column, return_inverse=True)
    inverse = inverse.reshape(-1)
    counts = np.bincount(inverse)
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
    return values[finite].tolist(), inverse, counts[finite]


def row_sums(table: Array) -> tuple[float, int]:
    """(the sum that most rows have, how many rows have another)."""
    sums = table.astype(np.float64).sum(axis=1)
    finite = sums[np.isfinite(sums)]
    if not len(finite):
        return 0.0, len(sums)
    rounded, counts = np.unique(np.round(finite / SUM_ERROR), return_counts=True)
    most = float(rounded[counts.argmax()]) * SUM_ERROR
    near = np.abs(sums - most) <= 2.0 * SUM_ERROR
    return float(np.median(sums[near])), int((~near).sum())


def as_table(targets: Array) -> Array:
    """The targets of a row side by side."""
    return targets.reshape(len(targets), -1)


def _task_of_matrix(table: Array) -> str:
    if table.dtype.kind not in "biuf":
        return "labels"
    held = np.nan_to_num(table.astype(np.float64), nan=0.0)
    if held.min() < 0.0 or held.max() > 1.0:
        return "values" if table.dtype.kind == "f" else "labels"
    total, off = row_sums(table)
    if total > 0.0 and off <= (1.0 - ONE_HOT_FROM) * len(table):
        return "one-hot"
    return "labels" if bool(((held == 0.0) | (held == 1.0)).all()) else "values"


def _are_classes(values: Array, counts: Array) -> bool:
    """True where different numbers are few and often repeated, and do not look like counts."""
    rows, different = int(counts.sum()), len(values)
    low, high = float(values[0]), float(values[-1])
    if values.tolist() in FLAGS:
        return True
    whole = bool((np.rint(values) == values).all())
    if rows < ROWS_A_CLASS * different or (whole and _are_counts(counts, low)):
        return False
    if different > MOST_CLASSES:
        span = high - low + 1.0
        filled = different >= COVERED * span * -float(np.expm1(-rows / span))
        return values.dtype.kind in "iu" and filled and different <= MOST_INTEGER_CLASSES
    # Parts of 1 are grades and soft labels.
    return whole or not (low >= 0.0 and 0.5 <= high <= 1.0)


def _are_counts(counts: Array, low: float) -> bool:
    """True for numbers of events: the farther from the most frequent number, the rarer."""
    if len(counts) < FEWEST_COUNTS or low < 0.0:
        return False
    rare = RARE_COUNT * counts.sum()
    if counts[-1] > rare or (low > 1.0 and counts[0] > rare):
        return False
    most = int(counts.argmax())
    nearest = np.argsort(np.abs(np.arange(len(counts)) - most), kind="stable")[: len(counts) // 3]
    if counts[nearest].sum() < CENTRAL * counts.sum():
        return False
    sides = counts[most:], counts[: most + 1][::-1]
    # Chance moves a frequency by about its root.
    falling = [bool((np.diff(s) <= 3.0 * np.sqrt(s[1:] + 1.0)).all()) for s in sides]
    return all(falling) and len(sides[0]) >= 3
