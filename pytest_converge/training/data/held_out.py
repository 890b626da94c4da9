"""Held-out data: read before the training, evaluated once after it in inference mode."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, invalid, shown
from pytest_converge.training.data.arrays import as_array, as_arrays, common_rows, map_named
from pytest_converge.training.data.batches import Array, Chunk, batch_rows
from pytest_converge.training.data.sources import (
    MEMORY_LIMIT,
    bytes_of,
    is_endless,
    yields_batches,
)

__all__ = ["PREFIX", "read_held_out"]

#: What Keras puts before the names of metrics on held-out data.
PREFIX = "val_"
EXPECTED = "(x, y), (x, y, sample_weight) or a finite tf.data.Dataset or PyDataset"


def read_held_out(given: Any, batch_size: int) -> list[Chunk]:
    """Held-out data as `model.fit` takes it, in batches as `model.evaluate` would make them.

    Args:
        given: `(x, y)` or `(x, y, sample_weight)` of arrays, tensors or structures of these; or a
            `tf.data.Dataset` or `keras.utils.PyDataset`, which is read once.
        batch_size: rows of a batch of arrays.

    Raises:
        InvalidTrainingError: something else, no rows, or lengths that differ.
    """
    if yields_batches(given):
        return _batches(given)
    if not isinstance(given, (tuple, list)) or len(given) not in {2, 3}:
        remedy = "Write, for example, validation_data=(x_test, y_test)."
        raise invalid(f"validation_data={shown(given)}", EXPECTED, remedy)
    names = ("x", "y", "sample_weight")
    arrays = tuple(
        as_arrays(part, f"{name} of validation_data")
        for part, name in zip(given, names, strict=False)
    )
    try:
        rows = common_rows(arrays)
    except InvalidTrainingError as error:
        raise InvalidTrainingError(f"validation_data: {error}") from None
    return [
        Chunk(map_named(arrays, _rows(start, start + batch_size)), min(batch_size, rows - start))
        for start in range(0, rows, batch_size)
    ]


def _rows(start: int, stop: int) -> Any:
    def cut(_: str, array: Array) -> Any:
        return tf.convert_to_tensor(array[start:stop])

    return cut


def _batches(source: Any) -> list[Chunk]:
    """Every batch of one epoch, held in memory: each evaluation sees the same."""
    if is_endless(source):
        given = f"validation_data={type(source).__name__}, which may not end"
        remedy = "Cut it, as by dataset.take(10), or pass arrays."
        raise invalid(given, EXPECTED, remedy)
    chunks: list[Chunk] = []
    size = 0
    for element in _elements(source):
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
        return (source[index] for index in range(source.num_batches))
    return source


def _tensor(leaf: Any) -> Any:
    if leaf is None or isinstance(leaf, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return leaf
    return tf.convert_to_tensor(as_array(leaf))
