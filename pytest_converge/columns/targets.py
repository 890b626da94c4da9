"""What the targets are, and how they lie over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part
from pytest_converge.columns.profile import profile_columns
from pytest_converge.columns.repeated_rows import repeated_rows
from pytest_converge.core.data_report import TargetProfile

__all__ = ["profile_targets"]

Array = np.ndarray[Any, Any]

#: Numbers are classes up to so many different ones, if each occurs five times on average.
MOST_CLASSES, ROWS_A_CLASS = 20, 5
#: Integers without a gap are classes up to so many.
MOST_INTEGER_CLASSES = 1000
#: Numbers of events have at least so many different values, and the largest one is this rare.
FEWEST_COUNTS, RARE_COUNT = 6, 0.03
#: And the third of the numbers nearest to the most frequent one has so many of the rows: a third
#: if all were equally frequent, 60 % and more of Poisson's.
CENTRAL = 0.5
#: A matrix of values from 0 to 1 is one-hot where so many rows have the same sum.
ONE_HOT_FROM = 0.9
#: How far the sum of a one-hot or soft label may be from 1: float16.
SUM_ERROR = 2e-3


def profile_targets(
    parts: Sequence[Part], features: Sequence[Part] = (), task: str | None = None
) -> TargetProfile:
    """Statistics of the targets, their classes, their order, and rows that contradict another.

    Args:
        parts: the columns of the targets.
        features: those of the inputs.
        task: "classes" or "values" where the user says which; else it is told from the numbers.
    """
    columns = profile_columns(parts)
    table = np.column_stack([part.array.reshape(len(part), -1) for part in parts])
    deep = any(part.array.ndim > 2 for part in parts)
    found = _task(table, task, deep=deep)
    labels: Array | None = None
    classes: list[tuple[str, int]] = []
    row_sum, off_rows = 1.0, 0
    if found == "one-hot":
        row_sum, off_rows = _row_sums(table)
        labels = np.nan_to_num(table).argmax(axis=1)
        counts = np.bincount(labels, minlength=table.shape[1])
        classes = [(str(label), int(count)) for label, count in enumerate(counts)]
    elif found == "classes":
        values, labels, counts = _classes(table[:, 0])
        classes = [(_shown(v), int(c)) for v, c in zip(values, counts, strict=True)]
    changes, expected = (0, 0.0) if labels is None else _changes(labels)
    conflicts, repeated = _conflicts(features, table, labels)
    return TargetProfile(
        task=found,
        columns=columns,
        classes=tuple(classes),
        off_rows=off_rows,
        row_sum=row_sum,
        changes=changes,
        expected_changes=expected,
        sorted_share=_sorted_share(table) if found == "values" else 0.5,
        conflicts=conflicts,
        repeated=repeated,
    )


def _task(table: Array, stated: str | None, *, deep: bool) -> str:
    if stated is not None and table.shape[1] == 1:
        return stated
    if deep:
        return "values" if table.dtype.kind == "f" else "labels"
    if table.shape[1] > 1:
        return _task_of_matrix(table)
    if table.dtype.kind not in "iuf":
        return "classes"
    column = table[:, 0]
    held = column[np.isfinite(column)] if column.dtype.kind == "f" else column
    values, counts = np.unique(held, return_counts=True)
    return "classes" if len(values) and _are_classes(values, counts) else "values"


def _task_of_matrix(table: Array) -> str:
    if table.dtype.kind not in "biuf":
        return "labels"
    held = np.nan_to_num(table.astype(np.float64), nan=0.0)
    if held.min() < 0.0 or held.max() > 1.0:
        return "values" if table.dtype.kind == "f" else "labels"
    total, off = _row_sums(table)
    if total > 0.0 and off <= (1.0 - ONE_HOT_FROM) * len(table):
        return "one-hot"
    return "labels" if bool(((held == 0.0) | (held == 1.0)).all()) else "values"


def _are_classes(values: Array, counts: Array) -> bool:
    """True where different numbers are few and often repeated, and do not look like counts."""
    rows, different = int(counts.sum()), len(values)
    low, high = float(values[0]), float(values[-1])
    whole = bool((np.rint(values) == values).all())
    if rows < ROWS_A_CLASS * different or (whole and _are_counts(counts, low)):
        return False
    if different > MOST_CLASSES:
        gapless = high - low + 1.0 == different
        return values.dtype.kind in "iu" and gapless and different <= MOST_INTEGER_CLASSES
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


def _classes(column: Array) -> tuple[list[Any], Array, Array]:
    """(labels, number of the label of each row, rows of each label)."""
    if column.dtype.kind == "O":
        texts = np.array(["" if value is None else str(value) for value in column])
        values, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
        return values.tolist(), inverse.reshape(-1), counts
    values, inverse = np.unique(column, return_inverse=True)
    counts = np.bincount(inverse.reshape(-1))
    finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
    return values[finite].tolist(), inverse.reshape(-1), counts[finite]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row_sums(table: Array) -> tuple[float, int]:
    """(the sum that most rows have, how many rows have another)."""
    sums = table.astype(np.float64).sum(axis=1)
    finite = sums[np.isfinite(sums)]
    if not len(finite):
        return 0.0, len(sums)
    rounded, counts = np.unique(np.round(finite / SUM_ERROR), return_counts=True)
    most = float(rounded[counts.argmax()]) * SUM_ERROR
    near = np.abs(sums - most) <= 2.0 * SUM_ERROR
    return float(np.median(sums[near])), int((~near).sum())


def _changes(labels: Array) -> tuple[int, float]:
    """How often the class changes from row to row, and how often it would in random order."""
    shares = np.bincount(labels) / len(labels)
    expected = (len(labels) - 1) * (1.0 - float(np.square(shares).sum()))
    return int((labels[1:] != labels[:-1]).sum()), expected


def _sorted_share(table: Array) -> float:
    """The share of steps between neighbouring rows that go the way most of them go."""
    if table.shape[1] > 1 or table.dtype.kind not in "iuf" or len(table) < 2:
        return 0.5
    steps = np.diff(table[:, 0].astype(np.float64))
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    return max(rises, falls) / (rises + falls) if rises + falls else 0.5


def _conflicts(features: Sequence[Part], table: Array, labels: Array | None) -> tuple[int, int]:
    """(rows that have the features of others and another target, rows that have them)."""
    if not features or len(features[0]) != len(table):
        return 0, 0
    if labels is None and (table.shape[1] > 1 or table.dtype.kind not in "iuf"):
        return 0, 0
    rows, groups = repeated_rows(features)
    if not len(rows):
        return 0, 0
    values = (table[:, 0] if labels is None else labels)[rows].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    ranges = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
    # Measured values repeat with some noise; it is a contradiction where that is all there is.
    limit = 0.0 if labels is not None else float(np.nanstd(table[:, 0].astype(np.float64)))
    sizes = np.diff(np.concatenate([starts, [len(rows)]]))
    return int(sizes[ranges > limit].sum()), len(rows)
