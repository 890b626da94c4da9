"""Batches of a source that is read anew for every start: in the order of the start's seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import ArrayData, Batch, StreamData, TrainingData
from pytest_converge.training.data.dataset_restarts import DatasetRestarts

__all__ = ["RereadArrays", "RereadStream", "Restarts", "restarts_of"]

#: Starts whose rows are held beside those of the first: the diagnosis repeats its changes on two.
HELD_STARTS = 2


class Restarts(Protocol):
    """Makes a source anew; see `DatasetRestarts`."""

    reason: str
    is_random: bool
    shuffles: bool

    def anew(
        self, seed: int, *, further: bool = False, held_out: bool = False, in_order: bool = False
    ) -> Any:
        """The source as a start with this seed begins with it."""


class _Itself:
    """A source that begins anew by being iterated again.

    Args:
        source: any.
    """

    reason = ""
    shuffles = False

    def __init__(self, source: Any) -> None:
        self._source = source
        self.is_random = isinstance(source, keras.utils.PyDataset)

    def anew(
        self, seed: int, *, further: bool = False, held_out: bool = False, in_order: bool = False
    ) -> Any:
        return self._source


def restarts_of(source: Any) -> Restarts:
    """How a source of batches begins anew for each start."""
    return DatasetRestarts(source) if isinstance(source, tf.data.Dataset) else _Itself(source)


class RereadArrays(ArrayData):
    """Rows in memory that a source gave, which is read anew for every further start.

    Attributes:
        unshuffled: reads the rows without the shuffles of the source; None where it has none.
    """

    unshuffled: Callable[[], TrainingData] | None = None
    _again: Callable[..., TrainingData] | None = None
    _read: Any = None
    _first: tuple[int, RereadArrays] | None = None
    _held: dict[int, ArrayData]

    def read_by(self, again: Callable[..., TrainingData], seed: int) -> None:
        """Says how the batches of other starts are read.

        Args:
            again: reads those of a start of a seed, `further=True` for one after the first.
            seed: of the start whose batches these are.
        """
        self._again, self._read = again, self.arrays
        self._first, self._held = (seed, self), {}

    def reshuffled(self, seed: int) -> ArrayData:
        """What the source gives a start of this seed; changed rows stay as they are."""
        if self._again is None or self._first is None or self.arrays is not self._read:
            return self
        own, first = self._first
        if seed == own:
            return first
        held = self._held
        if seed not in held:
            other = self._again(seed, further=True)
            if not isinstance(other, RereadArrays) or not self._fits(other):
                return self
            other._first, other._held = self._first, held  # noqa: SLF001 - of this class
            while len(held) >= HELD_STARTS:
                del held[next(iter(held))]
            held[seed] = other
        return held[seed]

    def in_source_order(self) -> ArrayData | None:
        """As many rows without the shuffles of the source."""
        other = None if self.unshuffled is None else self.unshuffled()
        if not isinstance(other, RereadArrays) or not self._is_like(other):
            return None
        return other.prolonged(self.order.steps)

    def differs_when_read_again(self, seed: int) -> bool:
        """Whether a second reading for the first start gives other batches."""
        if self._again is None:
            return False
        other = self._again(seed)
        return not (isinstance(other, ArrayData) and self._fits(other) and self._equals(other))

    def _fits(self, other: ArrayData) -> bool:
        """True where the traced loop can take the other rows for these."""
        return self._is_like(other) and self.order.steps == other.order.steps

    def _is_like(self, other: ArrayData) -> bool:
        mine, others = (
            [None if a is None else (a.shape[1:], a.dtype) for a in keras.tree.flatten(d.arrays)]
            for d in (self, other)
        )
        return bool(mine == others)

    def _equals(self, other: ArrayData) -> bool:
        pairs = zip(keras.tree.flatten(self.arrays), keras.tree.flatten(other.arrays), strict=True)
        return np.array_equal(self.order.sizes, other.order.sizes) and all(
            _same_values(a, b) for a, b in pairs
        )


class RereadStream(StreamData):
    """Batches that a source gives in every run anew, in the order of the start's seed.

    Args:
        source: makes an iterator over the batches of all steps; None for the source itself.
        kept: batches for the probe set, the first of an epoch.
        reason: why they do not fit the compiled loop.
    """

    def __init__(
        self, source: Callable[[], Iterable[Batch]] | None, *, kept: list[Batch], reason: str
    ) -> None:
        super().__init__(source or self._of_source, kept=kept, reason=reason)
        self._streamed: Callable[..., Iterator[Batch]] | None = None
        self._first = 0
        self._seed = 0
        self._is_random = False

    def read_by(self, streamed: Callable[..., Iterator[Batch]], seed: int, is_random: bool) -> None:
        """Says how the batches are read.

        Args:
            streamed: gives those of a start of a seed, `further=True` for one after the first.
            seed: of the first start.
            is_random: False where other starts see the same.
        """
        self._streamed, self._first, self._seed = streamed, seed, seed
        self._is_random = is_random

    def reshuffled(self, seed: int) -> StreamData:
        """What the source gives a start of this seed; the probe set stays."""
        if self._streamed is None or not self._is_random:
            return self
        other = RereadStream(None, kept=self._kept, reason=self.reason)
        other.read_by(self._streamed, self._first, is_random=True)
        other._seed, other.unrepeatable = seed, self.unrepeatable
        return other

    def differs_when_read_again(self, seed: int) -> bool:
        """Whether the batches of the probe set are others when they are read again."""
        if self._streamed is None or not self._is_random:
            return False
        pairs = zip(self._kept, self._streamed(seed), strict=False)
        return not all(_same_batch(kept, batch) for kept, batch in pairs)

    def _of_source(self) -> Iterator[Batch]:
        if self._streamed is None:
            return iter(())
        return self._streamed(self._seed, further=self._seed != self._first)


def _same_values(first: Any, second: Any) -> bool:
    """Whether two arrays, or two missing ones, hold the same; NaN is the same as NaN."""
    if first is None or second is None:
        return first is second
    floats = first.dtype.kind in "fc" and second.dtype.kind in "fc"
    return bool(np.array_equal(first, second, equal_nan=floats))


def _same_batch(first: Batch, second: Batch) -> bool:
    mine, others = (
        [_values(leaf) for leaf in keras.tree.flatten(batch)] for batch in (first, second)
    )
    return len(mine) == len(others) and all(map(_same_values, mine, others))


def _values(leaf: Any) -> Any:
    if isinstance(leaf, tf.RaggedTensor):
        return leaf.flat_values.numpy()
    if isinstance(leaf, tf.SparseTensor):
        return leaf.values.numpy()
    return leaf if leaf is None else np.asarray(leaf)
