"""Held-out data: read before the training, evaluated once after it in inference mode."""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, invalid, shown
from pytest_converge.training.data.arrays import as_array, as_arrays, common_rows, map_named
from pytest_converge.training.data.batches import Array, Chunk, batch_rows
from pytest_converge.training.data.dataset_restarts import held_out_seed
from pytest_converge.training.data.rereading import restarts_of
from pytest_converge.training.data.sources import (
    MEMORY_LIMIT,
    as_dataset,
    bytes_of,
    has_composites,
    is_endless,
    yields_batches,
)
from pytest_converge.training.state.seeding import preserved, reseed

__all__ = ["PREFIX", "read_held_out", "split_at", "split_off"]

#: What Keras puts before the names of metrics on held-out data.
PREFIX = "val_"
NAMES = ("x", "y", "sample_weight")
EXPECTED = "(x, y), (x, y, sample_weight) or a finite tf.data.Dataset or PyDataset"


def split_at(rows: int, share: Any) -> int:
    """The rows that are left to train on where a share of them, the last ones, is held out.

    Args:
        rows: of the data.
        share: as `validation_split`; 0 or None holds nothing out.

    Raises:
        InvalidTrainingError: the share is no number from 0 to 1, or leaves one of the parts empty.
    """
    remedy = "Write, for example, validation_split=0.2."
    if share is None or isinstance(share, bool) or not isinstance(share, (int, float, np.number)):
        if share is None:
            return rows
        raise invalid(f"validation_split={shown(share)}", "a share from 0 to 1", remedy)
    if not 0 <= share < 1:
        raise invalid(f"validation_split={shown(share)}", "a share from 0 to 1", remedy)
    left = math.floor(rows * (1.0 - float(share)))  # as Keras rounds
    if share and left in (0, rows):
        given = f"validation_split={shown(share)} of {rows} rows"
        raise invalid(given, "a row to train on and one to hold out", remedy)
    return left if share else rows


def split_off(arrays: Any, share: float) -> tuple[Any, Any]:
    """The rows to train on and the last ones, which are held out, before any shuffling.

    Args:
        arrays: nested arrays, tensors or data frames with equally many rows, or None.
        share: as `validation_split`.

    Raises:
        InvalidTrainingError: a part of the arrays cannot be cut.
    """
    as_read = tuple(as_arrays(part, name) for part, name in zip(arrays, NAMES, strict=True))
    rows = common_rows(as_read)
    left = split_at(rows, share)
    train = tuple(_cut(part, 0, left) for part in arrays)
    return train, tuple(_cut(part, left, rows) for part in arrays)


def _cut(structure: Any, start: int, stop: int) -> Any:
    """Rows of every array, each of its own kind, so that a data frame keeps its names."""

    def part(leaf: Any) -> Any:
        if leaf is None:
            return None
        return leaf.iloc[start:stop] if hasattr(leaf, "iloc") else leaf[start:stop]

    leaves = keras.tree.flatten(structure)
    if all(hasattr(leaf, "shape") for leaf in leaves if leaf is not None):
        return keras.tree.map_structure(part, structure)
    return keras.tree.map_structure(part, as_arrays(structure, "x"))


def read_held_out(
    given: Any, batch_size: int, steps: int | None = None, *, seed: int = 0
) -> list[Chunk]:
    """Held-out data as `model.fit` takes it, in batches as `model.evaluate` would make them.

    Args:
        given: `(x, y)` or `(x, y, sample_weight)` of arrays, tensors or structures of these; or a
            `tf.data.Dataset` or `keras.utils.PyDataset`, which is read once.
        batch_size: rows of a batch of arrays.
        steps: how many batches; all of them where None. With it, data may have no end.
        seed: of the test; what a dataset draws at random follows from it, whoever read it before.

    Raises:
        InvalidTrainingError: something else, no rows, or lengths that differ.
    """
    if yields_batches(given):
        return _read_anew(given, steps, seed)
    if not isinstance(given, (tuple, list)) or len(given) not in {2, 3}:
        remedy = "Write, for example, validation_data=(x_test, y_test)."
        raise invalid(f"validation_data={shown(given)}", EXPECTED, remedy)
    if has_composites(given):
        return _batches(as_dataset(given, batch_size, shuffle=False, seed=0), steps)
    arrays = tuple(
        as_arrays(part, f"{name} of validation_data")
        for part, name in zip(given, NAMES, strict=False)
    )
    try:
        rows = common_rows(arrays)
    except InvalidTrainingError as error:
        raise InvalidTrainingError(f"validation_data: {error}") from None
    return [
        Chunk(map_named(arrays, _rows(start, start + batch_size)), min(batch_size, rows - start))
        for start in itertools.islice(range(0, rows, batch_size), steps)
    ]


def _rows(start: int, stop: int) -> Any:
    def cut(_: str, array: Array) -> Any:
        return tf.convert_to_tensor(array[start:stop])

    return cut


def _read_anew(source: Any, steps: int | None, seed: int) -> list[Chunk]:
    """The batches of a source as nobody has iterated it."""
    restarts = restarts_of(source)
    if not restarts.is_random:
        return _batches(source, steps)
    with preserved():
        reseed(held_out_seed(seed))
        return _batches(restarts.anew(seed, held_out=True), steps)


def _batches(source: Any, steps: int | None) -> list[Chunk]:
    """Every batch of one epoch, held in memory: each evaluation sees the same."""
    if steps is None and is_endless(source):
        given = f"validation_data={type(source).__name__}, which may not end"
        remedy = "Cut it, as by dataset.take(10), give validation_steps, or pass arrays."
        raise invalid(given, EXPECTED, remedy)
    chunks: list[Chunk] = []
    size = 0
    for element in itertools.islice(_elements(source), steps):
        batch = keras.tree.map_structure(_tensor, element)
        rows = batch_rows(batch)
        chunks.append(Chunk(batch, rows))
        size += bytes_of(batch)
        if size > MEMORY_LIMIT:
            given = f"validation_data of more than {MEMORY_LIMIT >> 20} MB"
            remedy = "Take a part of it, as by dataset.take(10)."
            raise invalid(given, "data that fit into memory", remedy)
    if not chunks:
        remedy = "Check the path and the filter of the data."
        given = f"validation_data={type(source).__name__} without any batch"
        raise invalid(given, "at least one batch", remedy)
    return chunks


def _elements(source: Any) -> Any:
    if isinstance(source, keras.utils.PyDataset):
        count = source.num_batches
        return (source[index] for index in (itertools.count() if count is None else range(count)))
    return source


def _tensor(leaf: Any) -> Any:
    if leaf is None or isinstance(leaf, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return leaf
    return tf.convert_to_tensor(as_array(leaf))
