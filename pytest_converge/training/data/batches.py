"""The data of a training: which rows make up the batch of each step, and the probe set."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid

__all__ = ["PROBE_ROWS", "Array", "ArrayData", "Batch", "Chunk", "StreamData", "TrainingData"]

#: The whole probe set: enough rows for a standard error of about 3 % of the loss's spread.
PROBE_ROWS = 1024

#: Numbers of any type and shape.
Array = np.ndarray[Any, Any]
#: A batch in the form that a Keras `train_step` gets: x, (x, y) or (x, y, sample_weight), or in any
#: form that a dataset yields.
Batch = Any


@dataclasses.dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of the probe set that are evaluated together, as tensors, and how many they are."""

    batch: Batch
    rows: int


class TrainingData(abc.ABC):
    """The batches of a training, and its probe set; what a source cannot do changes nothing.

    Attributes:
        reason: why the batches do not fit the compiled loop; empty where they do.
        replays: False where a second run cannot see the same batches.
        prolongs: True where there are batches for more steps.
    """

    reason: str = ""
    replays: bool = True
    prolongs: bool = False

    @property
    @abc.abstractmethod
    def batch_size(self) -> int:
        """Rows of the largest batch."""

    @property
    def rows_in_memory(self) -> ArrayData | None:
        """The data as rows that can be cut, changed and drawn anew; None where they are none."""
        return None

    @property
    def repeats_all_rows(self) -> bool:
        """True where every batch is known to hold all rows."""
        return False

    @abc.abstractmethod
    def batches(self) -> Iterator[Batch]:
        """The batch of each step in turn, outside of any graph."""

    @abc.abstractmethod
    def probe(self, rows: int, chunk_rows: int) -> list[Chunk]:
        """The first `rows` rows of the probe set in chunks."""

    @abc.abstractmethod
    def repeating(self) -> TrainingData:
        """The first batch in every step."""

    def reshuffled(self, seed: int) -> TrainingData:
        """The same rows and probe set with the batch order of another seed, where it has one."""
        return self

    def prolonged(self, steps: int) -> TrainingData:
        """Batches for more steps, where it `prolongs`."""
        return self


class ArrayData(TrainingData):
    """Rows in memory, and for each step the rows of its batch.

    Args:
        arrays: a nested structure of NumPy arrays with the rows first; None leaves stay None.
        rows: how many rows the arrays have.
        order: the row numbers of all batches behind one another, int32.
        offsets: where each step's rows start in `order`; one more entry than there are steps.
        epoch_rows: how many rows at the start of the arrays make up one epoch.
        probe_seed: picks the probe set where there are more rows than it takes.

    Attributes:
        from_source: True where a dataset or generator made the batches.
    """

    prolongs = True

    def __init__(
        self,
        arrays: Any,
        *,
        rows: int,
        order: Array,
        offsets: Array,
        epoch_rows: int,
        probe_seed: int,
    ) -> None:
        self.arrays = arrays
        self.rows = rows
        self.order = order.astype(np.int32)
        self.offsets = offsets.astype(np.int32)
        self.tensors = keras.tree.map_structure(_constant, arrays)
        self.probe_index = _pick_probe(epoch_rows, probe_seed)
        self.from_source = False
        # How the batches of any number of steps are drawn from a seed, None for no random order.
        self._draw: Callable[[int, int | None], tuple[Any, Any]] | None = None
        self._seed: int | None = None

    @classmethod
    def shuffled(
        cls, arrays: Any, *, rows: int, batch_size: int, steps: int, shuffle: bool, seed: int
    ) -> ArrayData:
        """Batches as `model.fit` makes them: every epoch in a new order, its last batch short."""
        draw = functools.partial(epochs_of_batches, rows, batch_size)
        own_seed = seed if shuffle else None
        order, offsets = draw(steps, own_seed)
        data = cls(
            arrays, rows=rows, order=order, offsets=offsets, epoch_rows=rows, probe_seed=seed
        )
        data._draw, data._seed = draw, own_seed
        return data

    @classmethod
    def listed(cls, batches: list[Batch], *, epoch_batches: int, probe_seed: int) -> ArrayData:
        """Batches in the order given; the first `epoch_batches` of them are one epoch."""
        sizes = [batch_rows(batch) for batch in batches]
        arrays = keras.tree.map_structure(_joined, *batches)
        rows = sum(sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        data = cls(
            arrays,
            rows=rows,
            order=np.arange(rows),
            offsets=offsets,
            epoch_rows=sum(sizes[:epoch_batches]),
            probe_seed=probe_seed,
        )
        data.from_source = True
        return data

    @property
    def steps(self) -> int:
        """Steps for which there are batches."""
        return len(self.offsets) - 1

    @property
    def rows_in_memory(self) -> ArrayData:
        """The data themselves."""
        return self

    @property
    def batch_size(self) -> int:
        """Rows of the largest batch."""
        return int(np.diff(self.offsets).max())

    @property
    def repeats_all_rows(self) -> bool:
        """True where every batch is as large as the probe set, which is a sample of large data."""
        return self.even and self.batch_size == len(self.probe_index)

    @property
    def shuffles(self) -> bool:
        """True where the rows are drawn in a random order of our own."""
        return self._seed is not None

    @property
    def even(self) -> bool:
        """True where all batches have the same number of rows."""
        return len(set(np.diff(self.offsets).tolist())) == 1

    def plan(self) -> tuple[Any, Any]:
        """The batch plan as tensors: (row numbers, offsets); [steps, rows] where even."""
        if self.even:
            return tf.constant(self.order.reshape(self.steps, -1)), tf.constant(self.offsets[:1])
        return tf.constant(self.order), tf.constant(self.offsets)

    def take(self, tensors: Any, order: Any, offsets: Any, step: Any) -> Batch:
        """The batch of a step, inside a traced loop or outside of it."""
        index = order[step] if self.even else order[offsets[step] : offsets[step + 1]]
        return _gather(tensors, index)

    def reshuffled(self, seed: int) -> ArrayData:
        """The batch order of another seed, where the rows are drawn in a random one."""
        if self._draw is None or self._seed is None:
            return self
        return self._with(order=self._draw(self.steps, seed)[0], _seed=seed)

    def prolonged(self, steps: int) -> ArrayData:
        """Batches for more steps: the order of the first ones again where it cannot go on."""
        if self._draw is not None:
            order, offsets = self._draw(steps, self._seed)
        else:
            rounds = -(-steps // self.steps)
            sizes = np.tile(np.diff(self.offsets), rounds)[:steps]
            offsets = np.concatenate([[0], np.cumsum(sizes)])
            order = np.tile(self.order, rounds)[: offsets[-1]]
        return self._with(order=order, offsets=offsets.astype(np.int32))

    def shuffled_rows(self, seed: int) -> ArrayData:
        """The same rows and batch sizes, the rows of all batches in random order."""
        return self._with(order=np.random.default_rng(seed).permutation(self.order))

    def with_arrays(self, arrays: Any) -> ArrayData:
        """The same batches of changed arrays with the same rows."""
        tensors = keras.tree.map_structure(_constant, arrays)
        return self._with(arrays=arrays, tensors=tensors)

    def without_rows(self, rows: Array) -> ArrayData:
        """The next sound row in the place of each row that is left out.

        Args:
            rows: numbers of the rows to leave out, not all of them.
        """
        sound = np.ones(self.rows, dtype=bool)
        sound[rows] = False
        kept = np.flatnonzero(sound)
        following = kept[np.searchsorted(kept, np.arange(self.rows)) % len(kept)]
        return self.with_arrays(
            keras.tree.map_structure(lambda a: None if a is None else a[following], self.arrays)
        )

    def repeating(self) -> ArrayData:
        """The rows of the first batch in every step, as many as each step had: no new trace."""
        batch = self.order[: self.offsets[1]]
        order = np.concatenate([np.resize(batch, size) for size in np.diff(self.offsets)])
        return self._with(order=order, probe_index=batch)

    def _with(self, **changed: Any) -> ArrayData:
        """A copy with some attributes set."""
        other = copy.copy(self)
        vars(other).update(changed)
        other.order = other.order.astype(np.int32)
        return other

    def batches(self) -> Iterator[Batch]:
        """The rows of each step, gathered."""
        order, offsets = self.plan()
        for step in range(self.steps):
            yield self.take(self.tensors, order, offsets, step)

    def probe(self, rows: int, chunk_rows: int) -> list[Chunk]:
        """Rows of the probe set in chunks of at most `chunk_rows`."""
        index = self.probe_index[:rows]
        return [
            Chunk(_rows_of(self.tensors, index[start : start + chunk_rows]), len(part))
            for start in range(0, len(index), chunk_rows)
            for part in [index[start : start + chunk_rows]]
        ]


class StreamData(TrainingData):
    """Batches that do not fit the compiled loop: other shapes every step, or too many bytes.

    Args:
        source: makes a new iterator over the batches of all steps.
        kept: batches for the probe set, the first of an epoch.
        reason: why they do not fit, for the result.
        replays: False where a second run cannot see the same batches.
    """

    def __init__(
        self,
        source: Callable[[], Iterable[Batch]],
        *,
        kept: list[Batch],
        reason: str,
        replays: bool = True,
    ) -> None:
        self._source = source
        self._kept = kept
        self.reason = reason
        self.replays = replays

    @property
    def batch_size(self) -> int:
        """Rows of the largest batch of the probe set."""
        return max(batch_rows(batch) for batch in self._kept)

    def batches(self) -> Iterator[Batch]:
        """A new pass over the source."""
        return iter(self._source())

    def repeating(self) -> StreamData:
        """The first batch, as often as it is asked for."""
        first = next(self.batches())
        return StreamData(lambda: itertools.repeat(first), kept=[first], reason=self.reason)

    def probe(self, rows: int, chunk_rows: int) -> list[Chunk]:
        """The kept batches until they hold `rows` rows, each a chunk of its own."""
        chunks: list[Chunk] = []
        for batch in self._kept:
            if sum(chunk.rows for chunk in chunks) >= rows:
                break
            chunks.append(Chunk(batch, batch_rows(batch)))
        return chunks


def epochs_of_batches(
    rows: int, batch_size: int, steps: int, seed: int | None
) -> tuple[Array, Array]:
    """Row numbers and offsets of `steps` batches over as many epochs as they need.

    Args:
        rows: rows of the data, at least 1.
        batch_size: rows of a batch; the last batch of an epoch may have fewer.
        steps: how many batches.
        seed: of the order, which is new in every epoch; None keeps the rows in place.
    """
    rng = None if seed is None else np.random.default_rng(seed)
    starts = np.arange(0, rows, batch_size)
    sizes = np.minimum(batch_size, rows - starts)
    epochs = -(-steps // len(starts))
    order = [np.arange(rows) if rng is None else rng.permutation(rows) for _ in range(epochs)]
    offsets = np.concatenate([[0], np.cumsum(np.tile(sizes, epochs)[:steps])])
    return np.concatenate(order)[: offsets[-1]], offsets


def batch_rows(batch: Batch) -> int:
    """The number of rows of a batch.

    Raises:
        InvalidTrainingError: the batch holds no array with rows.
    """
    for leaf in keras.tree.flatten(batch):
        if leaf is not None and getattr(leaf, "shape", None) is not None and len(leaf.shape):
            return int(leaf.shape[0])
    raise invalid(
        "a batch without rows",
        "arrays or tensors whose first axis is the rows",
        "Batch the dataset: dataset.batch(32).",
    )


def _constant(array: Any) -> Any:
    return None if array is None else tf.convert_to_tensor(array)


def _rows_of(tensors: Any, index: Array) -> Any:
    return _gather(tensors, tf.constant(index))


def _gather(tensors: Any, index: Any) -> Any:
    return keras.tree.map_structure(lambda t: None if t is None else tf.gather(t, index), tensors)


def _joined(*parts: Any) -> Any:
    return None if parts[0] is None else np.concatenate(parts)


def _pick_probe(rows: int, seed: int) -> Array:
    """Row numbers of the probe set, in random order so that any first part is a sample."""
    picked = np.random.default_rng(seed).permutation(rows)[:PROBE_ROWS]
    return picked.astype(np.int32)
