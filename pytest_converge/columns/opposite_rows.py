"""Rows whose two labels are the other way round: every effect on them is reversed there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["OppositeRows", "opposite_rows"]

Array = np.ndarray[Any, Any]

#: Standard errors of an effect that is no chance, in each of both parts.
CLEAR = 4.0
#: Effects that are reversed, at least: one alone is what two columns do together.
FEWEST_EFFECTS = 2
#: Values of a column that may tell rows apart, and rows of a part that tell an effect.
MOST_VALUES, FEWEST_ROWS = 12, 40
#: Rows and columns that are looked at, so that it takes half a second.
MOST_ROWS, MOST_COLUMNS = 4000, 64


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OppositeRows:
    """Rows in which the labels mean the opposite of those in the others.

    Attributes:
        column: the number of the column that tells them; None where their place does.
        value: what that column holds there.
        begin, end: their first row and the one after the last, where their place tells them; None
            for those of all rows.
        effects: columns of which the effect is reversed.
    """

    effects: int
    column: int | None = None
    value: float = math.nan
    begin: int | None = None
    end: int | None = None

    def among(self, x: Array) -> Array:
        """True for each of these rows of the inputs."""
        if self.column is not None:
            told: Array = x[:, self.column] == self.value
            return told
        rows = np.zeros(len(x), dtype=bool)
        rows[self.begin : self.end] = True
        return rows


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
    for part in _parts(table, high, named=x.ndim == 2):
        effects = _reversed(table, high, part.among(table))
        if effects >= FEWEST_EFFECTS:
            place = [None if row is None else row * stride for row in (part.begin, part.end)]
            return dataclasses.replace(part, effects=effects, begin=place[0], end=place[1])
    return None


def _parts(table: Array, high: Array, *, named: bool) -> Iterator[OppositeRows]:
    """The rows of each value of a column of few, then those up to one row or from it on."""
    for column, values in enumerate(table.T if named else ()):
        known, counts = np.unique(values, return_counts=True)
        if 2 <= len(known) <= MOST_VALUES:
            # Of two values each tells the same two parts: the rarer one.
            rarest = known[np.argsort(counts, kind="stable")][: None if len(known) > 2 else 1]
            for value in rarest:
                yield OppositeRows(effects=0, column=column, value=float(value))
    row = _change(table, high)
    later = row > len(table) / 2
    yield OppositeRows(effects=0, begin=row if later else None, end=None if later else row)


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
