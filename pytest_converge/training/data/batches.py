"""The data of a training: which rows make up the batch of each step, and the probe set."""

from __future__ import annotations

import abc
import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid
from pytest_converge.training.data.batch_order import Array, BatchOrder, BatchRows

__all__ = ["PROBE_ROWS", "Array", "ArrayData", "Batch", "Chunk", "StreamData", "TrainingData"]

#: The whole probe set: enough rows for a standard error of about 3 % of the loss's spread.
PROBE_ROWS = 1024

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
        unrepeatable: why another session may see other batches; empty where it sees the same.
        is_cut: True where the source may have more rows than the training read of it.
        epoch: reads each of its batches once; None where it has no end or cannot start again.
        shares_order: True where every start sees the batches that one reading gave.
        of_dataset: True where a `tf.data.Dataset` makes them.
    """

    reason: str = ""
    replays: bool = True
    unrepeatable: str = ""
    is_cut: bool = False
    epoch: Callable[[], Iterable[Batch]] | None = None
    shares_order: bool = False
    of_dataset: bool = False

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

    @property
    @abc.abstractmethod
    def even(self) -> bool:
        """True where all batches have the same number of rows, as far as they are known."""

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

    def differs_when_read_again(self, seed: int) -> bool:
        """Whether a second reading of the source gives other batches; `seed` is the first's."""
        return False

    def prolonged(self, steps: int) -> TrainingData:
        """Batches for more steps, where it `replays`."""
        return self


class ArrayData(TrainingData):
    """Rows in memory, and for each step the rows of its batch.

    Args:
        arrays: a nested structure of NumPy arrays with the rows first; None leaves stay None.
        rows: how many rows the arrays have.
        order: which of them make up each batch.
        epoch_rows: how many rows at the start of the arrays make up one epoch.
        probe_seed: picks the probe set where there are more rows than it takes.

    Attributes:
        from_source: True where a dataset or generator made the batches.
        epoch_rows: how many rows at the start of the arrays make up one epoch.
    """

    def __init__(
        self, arrays: Any, *, rows: int, order: BatchOrder, epoch_rows: int, probe_seed: int
    ) -> None:
        self.arrays = arrays
        self.rows = rows
        self.order = order
        self.tensors = keras.tree.map_structure(_constant, arrays)
        self.probe_index = _pick_probe(epoch_rows, probe_seed)
        self.epoch_rows = epoch_rows
        self.from_source = False

    @classmethod
    def shuffled(
        cls, arrays: Any, *, rows: int, batch_size: int, steps: int, shuffle: bool, seed: int
    ) -> ArrayData:
        """Batches as `model.fit` makes them: every epoch in a new order, its last batch short."""
        own_seed = seed if shuffle else None
        order = BatchOrder.of_epochs(rows, batch_size, steps=steps, seed=own_seed)
        return cls(arrays, rows=rows, order=order, epoch_rows=rows, probe_seed=seed)

    @classmethod
    def listed(cls, batches: list[Batch], *, epoch_batches: int, probe_seed: int) -> ArrayData:
        """Batches in the order given; the first `epoch_batches` of them are one epoch."""
        sizes = np.array([batch_rows(batch) for batch in batches])
        arrays = keras.tree.map_structure(_joined, *batches)
        rows = int(sizes.sum())
        numbers = np.arange(rows, dtype=np.int32)
        data = cls(
            arrays,
            rows=rows,
            order=BatchOrder(numbers=numbers, sizes=sizes, steps=len(batches)),
            epoch_rows=int(sizes[:epoch_batches].sum()),
            probe_seed=probe_seed,
        )
        data.from_source = True
        return data

    @property
    def steps(self) -> int:
        """Steps for which there are batches."""
        return self.order.steps

    @property
    def rows_in_memory(self) -> ArrayData:
        """The data themselves."""
        return self

    @property
    def batch_size(self) -> int:
        """Rows of the largest batch."""
        return self.order.largest

    @property
    def even(self) -> bool:
        """True where all batches of an epoch have the same number of rows, made or not."""
        return bool((self.order.sizes == self.order.sizes[0]).all())

    @property
    def repeats_all_rows(self) -> bool:
        """True where every batch is as large as the probe set, which is a sample of large data."""
        return self.order.even and self.batch_size == len(self.probe_index)

    @property
    def shuffles(self) -> bool:
        """True where the rows are drawn in a random order of our own."""
        return self.order.seed is not None

    def plan(self, rows: BatchRows, start: int, stop: int) -> tuple[Any, Any]:
        """The batches of some steps as tensors: (row numbers, offsets); [steps, rows] where even.

        Args:
            rows: where the order is read.
            start: the first step.
            stop: the one behind the last.
        """
        order, offsets = rows.between(start, stop)
        if self.order.even:
            return tf.constant(order.reshape(stop - start, -1)), tf.constant(offsets[:1])
        return tf.constant(order), tf.constant(offsets)

    def take(self, tensors: Any, order: Any, offsets: Any, place: Any) -> Batch:
        """The batch at a place of a plan, inside a traced loop or outside of it."""
        even = self.order.even
        # A slice of one row takes three times as many operations as gathering it.
        index = tf.gather(order, place) if even else order[offsets[place] : offsets[place + 1]]
        return _gather(tensors, index)

    def reshuffled(self, seed: int) -> ArrayData:
        """The batch order of another seed, where the rows are drawn in a random one."""
        return self._ordered(seed=seed) if self.shuffles else self

    def in_source_order(self) -> ArrayData | None:
        """The rows as a source that shuffles them keeps them; None where that is not known."""
        return None

    def prolonged(self, steps: int) -> ArrayData:
        """Batches for more steps: the order of the first ones again where none is random."""
        return self._ordered(steps=steps)

    def shuffled_rows(self, seed: int) -> ArrayData:
        """The same rows and batch sizes, the rows of all batches in random order."""
        numbers = np.random.default_rng(seed).permutation(self.order.whole()[0])
        return self._ordered(numbers=numbers, sizes=self.order.every_size(), seed=None)

    def in_batches_of(self, size: int) -> ArrayData:
        """The same rows in as many batches of another size, drawn in random order."""
        seed = self.order.seed or 0
        order = BatchOrder.of_epochs(self.rows, size, steps=self.order.steps, seed=seed)
        return self._with(order=order)

    def with_arrays(self, arrays: Any) -> ArrayData:
        """The same batches of changed arrays with the same rows."""
        tensors = keras.tree.map_structure(_constant, arrays)
        return self._with(arrays=arrays, tensors=tensors)

    def without_rows(self, rows: Array) -> ArrayData:
        """The next sound rows in the place of those that are left out, each about as often.

        Of a long gap each place takes a row of its own: one row in all of them would be most of
        what is trained on.

        Args:
            rows: numbers of the rows to leave out.

        Raises:
            InvalidTrainingError: no row is left.
        """
        sound = np.ones(self.rows, dtype=bool)
        sound[rows] = False
        kept = np.flatnonzero(sound)
        if not len(kept):
            raise invalid("data of which every row is left out", "some to train on", "Keep a row.")
        every = np.arange(self.rows)
        before = np.searchsorted(kept, every)  # sound rows before each one
        into_gap = np.where(sound, 0, every - np.r_[-1, kept][before] - 1)
        following = kept[(before + into_gap) % len(kept)]
        return self.with_arrays(
            keras.tree.map_structure(lambda a: None if a is None else a[following], self.arrays)
        )

    def repeating(self) -> ArrayData:
        """The rows of the first batch in every step, as many as each step had: no new trace."""
        batch, _ = BatchRows(self.order).between(0, 1)
        numbers = np.concatenate([np.resize(batch, size) for size in self.order.sizes])
        other = self._ordered(numbers=numbers, seed=None)
        other.probe_index = batch
        return other

    def _ordered(self, **changed: Any) -> ArrayData:
        return self._with(order=dataclasses.replace(self.order, **changed))

    def _with(self, **changed: Any) -> ArrayData:
        """A copy with some attributes set."""
        other = copy.copy(self)
        vars(other).update(changed)
        return other

    def batches(self) -> Iterator[Batch]:
        """The rows of each step, gathered."""
        rows = BatchRows(self.order)
        for step in range(self.steps):
            yield self.take(self.tensors, *self.plan(rows, step, step + 1), 0)

    def probe(self, rows: int, chunk_rows: int) -> list[Chunk]:
        """Rows of the probe set in chunks of at most `chunk_rows`.

        Where all batches are alike, a chunk that is no larger than one has as many rows: a step may
        be written for that number. What is left over is not probed; of few rows some are repeated.
        """
        index = self.probe_index[:rows]
        if self.even and chunk_rows <= self.batch_size:
            chunk_rows = self.batch_size
            whole = max(len(index) // chunk_rows, 1) * chunk_rows
            index = np.resize(self.probe_index, whole)
            if not self.shuffles and chunk_rows == len(index) == self.epoch_rows:
                index = np.sort(index)  # a model may read its only batch in order, as a graph
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

    @property
    def even(self) -> bool:
        """True where the batches of the probe set have the same number of rows."""
        return len({batch_rows(batch) for batch in self._kept}) == 1

    def batches(self) -> Iterator[Batch]:
        """A new pass over the source."""
        return iter(self._source())

    def prolonged(self, steps: int) -> StreamData:
        """Batches for more steps: those of the first ones again, where they can be seen again."""
        if not self.replays:
            return self

        def again() -> Iterator[Batch]:
            passes = (self.batches() for _ in itertools.count())
            return itertools.islice(itertools.chain.from_iterable(passes), steps)

        return StreamData(again, kept=self._kept, reason=self.reason)

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


def batch_rows(batch: Batch) -> int:
    """The number of rows of a batch; a pair of single numbers, as a step may take it, is one row.

    Raises:
        InvalidTrainingError: the batch holds no array.
    """
    shapes = [getattr(leaf, "shape", None) for leaf in keras.tree.flatten(batch)]
    known = [shape for shape in shapes if shape is not None]
    for shape in known:
        if len(shape):
            return int(shape[0])
    if known:
        return 1
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
