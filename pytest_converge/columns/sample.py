"""A sample of rows, the same every time, and what it shows of each column."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part

__all__ = ["ColumnSample", "sample_rows", "sampled_columns"]

Array = np.ndarray[Any, Any]

#: Rows of a sample, at most and at least. Of 8,192 rows a share of 1 in 1,000 shows for certain.
MOST_ROWS, FEWEST_ROWS = 8192, 512
#: Values of a sample: 8 MB in float64.
MOST_VALUES = 2**20
#: The interquartile range of a normal distribution in standard deviations.
NORMAL_RANGE = 1.349


@dataclasses.dataclass(frozen=True, slots=True)
class ColumnSample:
    """One column of the sample.

    Attributes:
        values: in the order of the rows, in float64.
        ordered: the finite ones, by size.
        exact: what is in `values` where float64 cannot hold it, as integers of 64 bits.
    """

    values: Array
    ordered: Array
    exact: Array

    @classmethod
    def none(cls) -> ColumnSample:
        """Of a column that holds no numbers."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0))

    @property
    def mean(self) -> float:
        """The mean of the finite values, 0 where there are none; about that of the largest."""
        count = len(self.ordered)
        if not count:
            return 0.0
        with np.errstate(over="ignore"):
            mean = self.ordered.mean()
        # The sum of the largest numbers leaves float64; where they lie is told by one of them.
        return float(mean) if np.isfinite(mean) else self.median

    @property
    def median(self) -> float:
        """Half of the values are smaller."""
        return float(self.ordered[len(self.ordered) // 2]) if len(self.ordered) else 0.0

    @property
    def spread(self) -> float:
        """The interquartile range / 1.349."""
        count = len(self.ordered)
        if not count:
            return 0.0
        # Python's numbers, which become infinite without a warning.
        low, high = float(self.ordered[count // 4]), float(self.ordered[(3 * count) // 4])
        return (high - low) / NORMAL_RANGE

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        ordered = self.ordered
        return int((ordered[1:] != ordered[:-1]).sum()) + 1 if len(ordered) else 0

    @property
    def most_common(self) -> tuple[float, float]:
        """The most frequent value and its share; zeros where there is no value."""
        ordered = self.ordered
        if not len(ordered):
            return 0.0, 0.0
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        counts = np.diff(np.concatenate([starts, [len(ordered)]]))
        most = int(counts.argmax())
        return float(ordered[starts[most]]), float(counts[most] / len(ordered))

    @property
    def zeros(self) -> float:
        """The share of values that are exactly 0."""
        return float((self.ordered == 0.0).mean()) if len(self.ordered) else 0.0

    @property
    def whole(self) -> bool:
        """True where all values are whole numbers."""
        with np.errstate(invalid="ignore", over="ignore"):
            return bool(len(self.ordered)) and bool((np.rint(self.ordered) == self.ordered).all())


def sample_rows(part: Part) -> Array:
    """Numbers of rows drawn at random, by size; all of a few."""
    rows = len(part)
    values_a_row = max(1, int(np.prod(part.array.shape[1:])))
    most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_VALUES // values_a_row))
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.random.default_rng(0).integers(0, rows, most))


def sampled_columns(part: Part, chosen: Array) -> list[ColumnSample]:
    """The chosen rows, column by column."""
    return list(_columns(part.rows(chosen)))


def _columns(rows: Array) -> Iterator[ColumnSample]:
    """One sample a column; the sort of all columns at once is what takes the time."""
    exact = np.ascontiguousarray(rows.T)
    values = exact.astype(np.float64)
    ordered = np.sort(values, axis=1)
    whole = np.isfinite(ordered[:, -1]) & np.isfinite(ordered[:, 0])  # NaN comes last
    for index, row in enumerate(ordered):
        held = row if whole[index] else row[np.isfinite(row)]
        yield ColumnSample(values[index], held, exact[index])
