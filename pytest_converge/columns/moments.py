"""Mean, spread and range of every column of a large array, in one pass and without a copy.

Blocks that fit the processor's cache are brought to float64 around a guess of the mean, so that
columns far from zero lose no digits, and joined by plain sums.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part

__all__ = ["Moments", "moments"]

Array = np.ndarray[Any, Any]

#: Values in float64 at a time: 512 kB, which a core's own cache holds.
BLOCK_VALUES = 2**16
#: From so many values on two threads share the work; NumPy lets go of the interpreter's lock.
THREADS_FROM = 2**22
#: Rows of fewer values than this are turned, since NumPy is slow along short axes.
NARROW = 32


@dataclasses.dataclass(slots=True)
class Moments:
    """Statistics of columns, each an array with one entry a column.

    Attributes:
        count: finite values.
        missing, infinite: values that are NaN, and infinite ones.
        shift: the guess of the mean.
        total, squares: sum of the distances from it, and of their squares.
        low, high: smallest and largest finite value.
    """

    count: Array
    missing: Array
    infinite: Array
    shift: Array
    total: Array
    squares: Array
    low: Array
    high: Array

    @classmethod
    def none(cls, shift: Array) -> Moments:
        """Of no values at all."""
        count, missing, infinite, total, squares = (np.zeros(len(shift)) for _ in range(5))
        low, high = np.full(len(shift), np.inf), np.full(len(shift), -np.inf)
        return cls(count, missing, infinite, shift, total, squares, low, high)

    @property
    def mean(self) -> Array:
        """The mean of each column."""
        return self.shift + self.total / np.maximum(self.count, 1.0)

    @property
    def deviation(self) -> Array:
        """The standard deviation of each column (of the population); infinite beyond float64."""
        count = np.maximum(self.count, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            variance = self.squares / count - (self.total / count) ** 2
        beyond = np.isinf(self.squares) | np.isnan(variance)
        return np.where(beyond, np.inf, np.sqrt(np.maximum(variance, 0.0)))

    def join(self, other: Moments) -> None:
        """Takes in the statistics of other rows, made around the same guess."""
        for name in ("count", "missing", "infinite", "total", "squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.low = np.fmin(self.low, other.low)
        self.high = np.fmax(self.high, other.high)


def moments(part: Part, shift: Array) -> Moments:
    """Statistics of every column over all rows.

    Args:
        part: columns of numbers.
        shift: a guess of each mean, as from a sample; the nearer, the more exact.
    """
    rows = len(part)
    if np.prod(part.array.shape, dtype=float) < THREADS_FROM:
        return _between(part, shift, 0, rows)
    halves = ((0, rows // 2), (rows // 2, rows))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda ends: _between(part, shift, *ends), halves)
    first.join(second)
    return first


def _between(part: Part, shift: Array, start: int, end: int) -> Moments:
    joined = Moments.none(shift)
    values_a_row = max(1, int(np.prod(part.array.shape[1:])))
    step = max(1, BLOCK_VALUES // values_a_row)
    turned = part.width < NARROW or _lies_by_columns(part)
    room = np.empty(step * values_a_row)
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(start, end, step):
            block = part.rows(slice(first, min(first + step, end)))
            if block.dtype.kind == "b" or block.dtype == np.float16:
                block = block.astype(np.float32)
            _add(joined, block, room, turned=turned)
    return joined


def _lies_by_columns(part: Part) -> bool:
    if part.sparse or part.array.ndim != 2:
        return False
    return bool(abs(part.array.strides[0]) < abs(part.array.strides[1]))


def _add(joined: Moments, block: Array, room: Array, *, turned: bool) -> None:
    """Adds a block of shape [values, columns]; `room` is memory for it in float64."""
    shift = joined.shift
    away = room[: block.size]
    if turned:
        away = away.reshape(block.shape[1], len(block))
        block = block.T
        np.subtract(block, shift[:, None], out=away)
        axis, total = 1, away.sum(axis=1)
        squares = np.einsum("ij,ij->i", away, away)
    else:
        away = away.reshape(block.shape)
        np.subtract(block, shift, out=away)
        axis, total = 0, away.sum(axis=0)
        squares = np.einsum("ij,ij->j", away, away)
    if np.isfinite(squares).all():
        joined.count += block.shape[axis]
        joined.total += total
        joined.squares += squares
        joined.low = np.minimum(joined.low, block.min(axis=axis))
        joined.high = np.maximum(joined.high, block.max(axis=axis))
    else:
        _add_finite(joined, block, axis)


def _add_finite(joined: Moments, block: Array, axis: int) -> None:
    """The slow way, for a block that holds values that are not finite."""
    shift = joined.shift if axis == 0 else joined.shift[:, None]
    finite = np.isfinite(block)
    held = np.where(finite, block, np.nan).astype(np.float64)
    away = held - shift
    joined.count += finite.sum(axis=axis)
    joined.missing += np.isnan(block).sum(axis=axis)
    joined.infinite += np.isinf(block).sum(axis=axis)
    joined.total += np.nansum(away, axis=axis)
    joined.squares += np.nansum(away**2, axis=axis)
    joined.low = np.fmin(joined.low, np.fmin.reduce(held, axis=axis))
    joined.high = np.fmax(joined.high, np.fmax.reduce(held, axis=axis))
