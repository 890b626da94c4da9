"""From what a user passes as data to the batches of a training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, invalid
from pytest_converge.training.data.arrays import (
    as_array,
    as_arrays,
    batch_leaves,
    check_kind,
    common_rows,
    weights_of_classes,
)
from pytest_converge.training.data.batches import (
    ArrayData,
    Batch,
    StreamData,
    TrainingData,
    batch_rows,
)
from pytest_converge.training.data.rereading import RereadArrays, RereadStream, restarts_of
from pytest_converge.training.state.seeding import preserved, reseed

__all__ = [
    "as_dataset",
    "bytes_of",
    "has_composites",
    "is_endless",
    "read_arrays",
    "read_batches",
    "yields_batches",
]

#: Bytes of batches that are held in memory for the compiled loop; more are streamed.
MEMORY_LIMIT = 512 * 2**20
#: Batches that are held at most: beside their bytes each takes 2.4 kB, measured on pairs.
MOST_BATCHES = 2**17


def yields_batches(x: Any) -> bool:
    """True for sources of batches: datasets, generators and other iterators.

    The one rule for all verbs. No `y` and no `batch_size` apply to them.
    """
    return isinstance(x, (tf.data.Dataset, keras.utils.PyDataset, Iterator))


def read_arrays(
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    *,
    batch_size: int,
    shuffle: bool,
    steps: int,
    seed: int,
) -> ArrayData:
    """Batches from arrays in memory, as `model.fit` would make them.

    Raises:
        InvalidTrainingError: empty data, lengths that differ, or values that are no arrays.
    """
    arrays = (as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"))
    rows = common_rows(arrays)
    packed = keras.utils.pack_x_y_sample_weight(
        arrays[0], arrays[1], _weights(arrays[1], arrays[2], class_weight)
    )
    return ArrayData.shuffled(
        packed, rows=rows, batch_size=batch_size, steps=steps, shuffle=shuffle, seed=seed
    )


def as_dataset(arrays: Any, batch_size: int, *, shuffle: bool, seed: int) -> Any:
    """Ragged and sparse tensors, and arrays beside them, as a dataset of their rows in batches.

    No row of theirs can be picked by its number in a graph as rows of arrays can.

    Args:
        arrays: (x, y, weights), each an array, a tensor, a structure of these, or None.
        batch_size: rows of a batch.
        shuffle: a new order in every epoch.
        seed: of that order.

    Raises:
        InvalidTrainingError: a part of them is no array.
    """
    plain = keras.tree.map_structure(_sliceable, _without_lists(arrays))
    given = tuple(part for part in plain if part is not None)
    rows = tf.data.Dataset.from_tensor_slices(given)
    if shuffle:
        rows = rows.shuffle(int(rows.cardinality()), seed=seed)
    return rows.batch(batch_size)


def has_composites(arrays: Any) -> bool:
    """True where a leaf is a ragged or a sparse tensor.

    Raises:
        InvalidTrainingError: the arrays are nested without end.
    """
    try:
        leaves = keras.tree.flatten(arrays)
    except RecursionError as error:
        given = "data that contain themselves"
        remedy = "Give each array once, in a dict, list or tuple where there are several."
        raise invalid(given, "arrays", remedy) from error
    return any(isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)) for leaf in leaves)


def _sliceable(leaf: Any) -> Any:
    return leaf if has_composites(leaf) else as_array(leaf)


def _without_lists(arrays: Any) -> Any:
    """Several inputs in a list as a tuple: a dataset takes a list for one array."""
    return tuple(tuple(part) if isinstance(part, list) else part for part in arrays)


def read_batches(
    source: Any,
    class_weight: Mapping[int, float] | None,
    *,
    steps: int,
    shuffle: bool,
    seed: int,
    unpack: Callable[[Any], Batch] | None = None,
) -> TrainingData:
    """Batches from a `tf.data.Dataset`, a `PyDataset`, a generator or a list of batches.

    A source shorter than `steps` batches starts again, in its own new order where it shuffles. A
    dataset is made anew first: whoever iterated it before changes nothing, and every further start
    reads it again under its own seed.

    Args:
        source: where the batches come from.
        class_weight: weight of each class label, turned into sample weights.
        steps: how many batches are needed.
        shuffle: whether a `PyDataset` is read in random order, as by `model.fit`.
        seed: of that order and of the probe set.
        unpack: turns an element into a batch; None for what Keras' `train_step` takes.

    Raises:
        InvalidTrainingError: an empty source, or a generator that runs dry before the last step.
    """
    to_batch = unpack or (lambda element: _unpacked(element, class_weight))
    restarts = restarts_of(source)

    def streamed(of: int, *, further: bool = False) -> Iterator[Batch]:
        epochs = _epochs(restarts.anew(of, further=further), shuffle, of)
        for _, element in _limited(epochs, steps):
            yield to_batch(element)

    def read(of: int, *, further: bool = False, in_order: bool = False) -> TrainingData:
        begun = restarts.anew(of, further=further, in_order=in_order)
        epochs = _epochs(begun, shuffle, of)
        data = _read(source, epochs, to_batch, steps=steps, seed=seed, checked=unpack is None)
        if isinstance(data, RereadStream):
            data.read_by(streamed, of, restarts.is_random)
        elif isinstance(data, RereadArrays) and restarts.is_random:
            data.read_by(again, of)
        if isinstance(data, RereadArrays) and restarts.shuffles and not in_order:
            data.unshuffled = lambda: again(seed, in_order=True)
        data.unrepeatable = restarts.reason
        data.shares_order = _reads_once(source)
        data.of_dataset = isinstance(source, tf.data.Dataset)
        data.epoch = None if is_endless(source) else epoch
        return data

    def epoch() -> Iterator[Batch]:
        with preserved():
            reseed(seed)
            begun = restarts.anew(seed)
            is_own = isinstance(begun, keras.utils.PyDataset)
            yield from map(to_batch, _one_epoch(begun, None) if is_own else begun)

    def again(of: int, *, further: bool = False, in_order: bool = False) -> TrainingData:
        with preserved():
            reseed(of)
            return read(of, further=further, in_order=in_order)

    return read(seed)


def _read(
    source: Any,
    epochs: Iterable[Iterable[Any]],
    to_batch: Callable[[Any], Batch],
    *,
    steps: int,
    seed: int,
    checked: bool,
) -> TrainingData:
    """The batches of a source as it stands; see `read_batches`."""
    kept: list[Batch] = []
    size, epoch_batches, number = 0, 0, 0
    for number, (epoch, element) in enumerate(_limited(epochs, steps), start=1):
        batch = to_batch(element)
        if number == 1 and checked:
            _check_batch(batch)
        epoch_batches += epoch == 0
        size += bytes_of(batch)
        kept.append(batch)
        # So many steps are streamed: an epoch for the probe set is all that is read before.
        enough = steps > MOST_BATCHES and (epoch > 0 or number == MOST_BATCHES)
        if size > MEMORY_LIMIT or enough:
            probed = kept[:epoch_batches]
            return _streamed(source, to_batch, kept, probed=probed, steps=steps)
    if number < steps:
        raise _ran_dry(source, number, steps)
    if not _stackable(kept):
        replay = list(kept)
        reason = "the shape or type of the batches changes from step to step"
        if has_composites(kept[0]):
            reason = "the data is ragged or sparse"
        elif _signature(kept[0]) is None and len(_row_counts(kept[0])) > 1:
            reason = "the parts of a batch have unequal rows"
        elif not _row_counts(kept[0]):
            reason = "the elements of the data are single numbers"
        return RereadStream(lambda: replay, kept=kept[:epoch_batches], reason=reason)
    listed = [keras.tree.map_structure(_as_read, batch) for batch in kept]
    rows = RereadArrays.listed(listed, epoch_batches=epoch_batches, probe_seed=seed)
    rows.is_cut = epoch_batches == number
    return rows


def _as_read(leaf: Any) -> Any:
    """A part of a batch as an array; half precision, which somebody chose, stays what it is."""
    dtype = getattr(leaf, "dtype", None)
    half = dtype is not None and tf.as_dtype(dtype) == tf.float16
    return np.asarray(leaf) if half else as_array(leaf)


def _weights(y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None) -> Any:
    if class_weight is None:
        return sample_weight
    if sample_weight is not None:
        raise invalid(
            "both sample_weight and class_weight",
            "one of them",
            "Multiply the weights of the classes into sample_weight.",
        )
    return weights_of_classes(y, class_weight)


def _unpacked(element: Any, class_weight: Mapping[int, float] | None) -> Batch:
    """The element as it is, for a `train_step` that knows its form, or with class weights in it."""
    if class_weight is None:
        return element
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(element)
    return keras.utils.pack_x_y_sample_weight(x, y, _weights(y, sample_weight, class_weight))


def _check_batch(batch: Batch) -> None:
    """A batch is of numbers or text, and all its parts have equally many rows."""
    for name, leaf in batch_leaves(batch):
        if hasattr(leaf, "dtype") and not tf.is_tensor(leaf):
            check_kind(name, leaf)
    shapes = {name: leaf.shape for name, leaf in batch_leaves(batch) if hasattr(leaf, "shape")}
    if not any(name.startswith("x") for name in shapes):
        return  # only the user's own step understands it
    rows = {name: shape[0] if len(shape) else None for name, shape in shapes.items()}
    if len(set(rows.values())) > 1 or None in rows.values():
        given = ", ".join(
            f"{name} without rows" if count is None else f"{name} of {count} rows"
            for name, count in rows.items()
        )
        remedy = "Batch the dataset: dataset.batch(32)."
        raise invalid(f"a batch with {given}", "parts with equally many rows", remedy)


def _epochs(source: Any, shuffle: bool, seed: int) -> Iterator[Iterable[Any]]:
    """An iterable of batches for every epoch; one only where the source cannot start again."""
    if isinstance(source, keras.utils.PyDataset):
        rng = np.random.default_rng(seed)
        begin = getattr(source, "on_epoch_begin", lambda: None)  # Keras has it since 3.7
        while True:
            begin()
            yield _one_epoch(source, rng if shuffle else None)
            source.on_epoch_end()
    elif _reads_once(source):
        yield source
    else:
        while True:
            yield source


def is_endless(source: Any) -> bool:
    """True for a source that may have no end, or that can be read but once."""
    if isinstance(source, tf.data.Dataset):
        return bool(int(source.cardinality()) == tf.data.INFINITE_CARDINALITY)
    if isinstance(source, keras.utils.PyDataset):
        return bool(source.num_batches is None)
    return isinstance(source, Iterator)


def _reads_once(source: Any) -> bool:
    """True for iterators, which cannot start again.

    A dataset that shuffles draws a new order for every iterator, this one included; the orders of
    runs that were recorded rest on it.
    """
    return not isinstance(source, keras.utils.PyDataset) and iter(source) is source


def _one_epoch(source: Any, rng: np.random.Generator | None) -> Iterator[Any]:
    count = source.num_batches
    if count is None:
        yield from (source[index] for index in itertools.count())
    else:
        order = np.arange(count) if rng is None else rng.permutation(count)
        yield from (source[int(index)] for index in order)


def _limited(epochs: Iterable[Iterable[Any]], steps: int) -> Iterator[tuple[int, Any]]:
    """Up to `steps` batches with the number of their epoch; ends at an epoch without any."""
    left = steps
    for number, epoch in enumerate(epochs):
        before = left
        for element in itertools.islice(epoch, left):
            yield number, element
            left -= 1
        if left in (0, before):
            return


def _streamed(
    source: Any,
    to_batch: Callable[[Any], Batch],
    kept: list[Batch],
    *,
    probed: list[Batch],
    steps: int,
) -> StreamData:
    """More data than is held in memory: the batches so far first, then on from the source."""
    reason = f"the batches need more than {MEMORY_LIMIT >> 20} MB"
    if steps > MOST_BATCHES:
        reason = f"the batches are more than {MOST_BATCHES}"
    if _reads_once(source):

        def rest() -> Iterator[Batch]:
            yield from kept
            number = len(kept)
            for element in itertools.islice(source, steps - number):
                number += 1
                yield to_batch(element)
            if number < steps:
                raise _ran_dry(source, number, steps)

        return StreamData(rest, kept=probed, reason=reason, replays=False)

    return RereadStream(None, kept=probed, reason=reason)


def _ran_dry(source: Any, number: int, steps: int) -> InvalidTrainingError:
    kind = type(source).__name__
    if number == 0:
        remedy = "Check the path, the filter and drop_remainder of the data."
        return invalid(f"a {kind} without any batch", "at least one batch", remedy)
    remedy = f"Pass steps={number}, or a source that can start again (a Dataset or PyDataset)."
    given = f"a {kind} that ran dry at step {number + 1}"
    return invalid(given, f"a batch for each of {steps} steps", remedy)


def bytes_of(batch: Batch) -> int:
    """The memory that the arrays and tensors of a batch take; of ragged ones nothing is known."""
    return sum(
        int(np.prod(leaf.shape)) * getattr(leaf.dtype, "size", getattr(leaf.dtype, "itemsize", 4))
        for leaf in keras.tree.flatten(batch)
        if hasattr(leaf, "dtype")
        and getattr(leaf, "shape", None) is not None
        and all(side is not None for side in leaf.shape)
    )


def _stackable(batches: list[Batch]) -> bool:
    """True where rows of all batches fit into one array: equal structure, types and row shapes."""
    first = _signature(batches[0])
    return first is not None and all(_signature(batch) == first for batch in batches[1:])


def _row_counts(batch: Batch) -> set[Any]:
    """The different numbers of rows of the arrays of a batch."""
    shapes = (getattr(leaf, "shape", None) for leaf in keras.tree.flatten(batch))
    return {shape[0] for shape in shapes if shape is not None and len(shape)}


def _signature(batch: Batch) -> list[Any] | None:
    signature: list[Any] = [str(keras.tree.map_structure(lambda _: 0, batch))]
    rows = batch_rows(batch)
    for leaf in keras.tree.flatten(batch):
        if leaf is None:
            signature.append(None)
            continue
        if isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)):
            return None
        shape = getattr(leaf, "shape", None)
        if shape is None or not len(shape) or shape[0] != rows:
            return None
        signature.append((tuple(shape[1:]), str(leaf.dtype)))
    return signature
