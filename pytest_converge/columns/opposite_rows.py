"""Rows whose two labels are the other way round: every effect on them is reversed there."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pytest_converge.columns.told_rows import ToldRows, told_by_columns, told_by_place

__all__ = ["OppositeRows", "opposite_rows"]

Array = np.ndarray[Any, Any]

#: Standard errors of an effect that is no chance, in each of both parts.
CLEAR = 4.0
#: Effects that are reversed, at least: one alone is what two columns do together.
FEWEST_EFFECTS = 2
#: Rows of a part that tell an effect.
FEWEST_ROWS = 40
#: Rows and columns that are looked at, so that it takes half a second.
MOST_ROWS, MOST_COLUMNS = 4000, 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OppositeRows:
    """Rows in which the labels mean the opposite of those in the others.

    Attributes:
        rows: what tells them.
        effects: columns of which the effect is reversed.
    """

    rows: ToldRows
    effects: int


def opposite_rows(x: Array, y: Array) -> OppositeRows | None:
    """The rows in which the effects of all columns on two labels are reversed, or None.

    The effect of a column is its covariance with the label among the rows of a part. Where two are
    clear in both parts, and each that is has the opposite sign, the labels are the other way round:
    columns that act together reverse the effect of one of them.

    Args:
        x: inputs, the rows first.
        y: of two values, one a row.
    """
    stride = max(1, len(x) // MOST_ROWS)
    table = np.asarray(x[::stride], np.float64)
    labels = np.asarray(y[::stride])
    labels = labels.reshape(len(labels), -1)
    table = table.reshape(len(table), -1)[:, :MOST_COLUMNS]
    if labels.shape[1:] != (1,) or len(np.unique(labels)) != 2 or not np.isfinite(table).all():
        return None
    high = (labels[:, 0] == labels.max()).astype(np.float64)
    parts = told_by_columns(table) if x.ndim == 2 else []
    for part in (*parts, told_by_place(_change(table, high), len(table))):
        effects = _reversed(table, high, part.among(table))
        if effects >= FEWEST_EFFECTS:
            return OppositeRows(rows=part.of_every(stride), effects=effects)
    return None


def _change(table: Array, high: Array) -> int:
    """The row from which on sums of effects are likeliest to go the other way."""
    effects = np.cumsum(_scaled(table) * (high - high.mean())[:, None], axis=0)
    apart = np.linalg.norm(2 * effects - effects[-1], axis=1)
    return int(apart.argmax()) + 1


def _scaled(table: Array) -> Array:
    deviation = table.std(axis=0)
    scaled: Array = (table - table.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return scaled


def _reversed(table: Array, high: Array, rows: Array) -> int:
    """How many effects are clear and reversed; 0 where one is clear and is not."""
    scores = []
    for part in (rows, ~rows):
        spread = high[part].std() if part.sum() >= FEWEST_ROWS else 0.0
        if not spread:
            return 0
        away = high[part] - high[part].mean()
        scores.append(away @ _scaled(table[part]) / (spread * math.sqrt(part.sum())))
    clear = (np.abs(scores) > CLEAR).all(axis=0)
    opposite = scores[0] * scores[1] < 0
    return 0 if (clear & ~opposite).any() else int((clear & opposite).sum())
