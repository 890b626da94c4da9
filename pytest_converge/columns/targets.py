"""What the targets are, and how they lie over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.classes import class_labels, row_sums, task_of
from pytest_converge.columns.contradictions import contradicting_rows
from pytest_converge.columns.frames import Part
from pytest_converge.columns.profile import profile_columns
from pytest_converge.core.data_report import TargetProfile

__all__ = ["profile_targets"]

Array = np.ndarray[Any, Any]


def profile_targets(
    parts: Sequence[Part], features: Sequence[Part] = (), task: str | None = None
) -> TargetProfile:
    """Statistics of the targets, their classes, their order, and rows that contradict another.

    Args:
        parts: the columns of the targets.
        features: those of the inputs.
        task: "classes" or "values" where the user says which; else it is told from the numbers.
    """
    only = parts[0].array if len(parts) == 1 and not parts[0].sparse else None
    held = [part.array.toarray() if part.sparse else part.array for part in parts]
    table = _side_by_side([array.reshape(len(array), -1) for array in held])
    found = task_of(table if only is None else only, task)
    known = class_labels(table, found)
    changes, expected = (0, 0.0) if known is None else _changes(known[1])
    labels = ([], ()) if known is None else (known[0], known[2].tolist())
    row_sum, off_rows = row_sums(table) if found == "one-hot" else (1.0, 0)
    conflicts, repeated = contradicting_rows(features, table, found) if features else (0, 0)
    return TargetProfile(
        task=found,
        columns=profile_columns(parts),
        rows=len(table),
        classes=tuple((_shown(label), rows) for label, rows in zip(*labels, strict=True)),
        off_rows=off_rows,
        row_sum=row_sum,
        changes=changes,
        expected_changes=expected,
        sorted_share=_sorted_share(table) if found == "values" else 0.5,
        conflicts=conflicts,
        repeated=repeated,
    )


def _side_by_side(arrays: Sequence[Array]) -> Array:
    """Columns as one table; as objects where no kind of numbers holds all, as flags and dates."""
    try:
        return np.column_stack(arrays)
    except TypeError:
        return np.column_stack([array.astype(object) for array in arrays])


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


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
