"""Rows that differ from the others, and what tells them: a value of a column, or their place."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

__all__ = ["ToldRows", "told_by_columns", "told_by_place"]

Array = np.ndarray[Any, Any]

#: Values of a column that may tell rows apart.
MOST_VALUES = 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToldRows:
    """Some of the rows.

    Attributes:
        column: the number of the column that tells them; None where their place does.
        value: what that column holds there.
        begin, end: their first row and the one after the last, where their place tells them; None
            for those of all rows.
    """

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

    def of_every(self, stride: int) -> ToldRows:
        """The same among all rows, where every so many was looked at."""
        begin, end = (None if row is None else row * stride for row in (self.begin, self.end))
        return dataclasses.replace(self, begin=begin, end=end)

    @property
    def index(self) -> str:
        """What picks them as code, in the brackets behind an array of all rows."""
        if self.column is not None:
            return f"x[:, {self.column}] == {self.value:g}"
        begin, end = ("" if row is None else f"{row}" for row in (self.begin, self.end))
        return f"{begin}:{end}"

    @property
    def words(self) -> str:
        """Where they are, in words."""
        if self.column is not None:
            return f"where x[:, {self.column}] is {self.value:g}"
        return f"from row {self.begin} on" if self.begin else f"in the first {self.end} rows"


def told_by_columns(table: Array) -> list[ToldRows]:
    """The rows of each value of each column of few values, the rarest value of a column first."""
    found = []
    for column, values in enumerate(table.T):
        known, counts = np.unique(values, return_counts=True)
        if 2 <= len(known) <= MOST_VALUES:
            # Of two values each tells the same two parts: the rarer one.
            rarest = known[np.argsort(counts, kind="stable")][: None if len(known) > 2 else 1]
            found += [ToldRows(column=column, value=float(value)) for value in rarest]
    return found


def told_by_place(row: int, count: int) -> ToldRows:
    """The rows up to one of so many, or from it on: the fewer of both."""
    later = row > count / 2
    return ToldRows(begin=row if later else None, end=None if later else row)
