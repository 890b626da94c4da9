"""Whether the rows of `validation_data` are among those that the training sees."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pytest_converge.columns.fingerprint import row_numbers
from pytest_converge.columns.overlap import row_overlap
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.training.data.arrays import as_array, batch_leaves
from pytest_converge.training.data.batches import Array, Batch
from pytest_converge.training.training import Training

__all__ = ["held_out_overlap"]

#: Values of the training that are looked at, at most: half a second. Of more rows, every so many.
MOST_VALUES = 2**24


def held_out_overlap(training: Training) -> RowOverlap | None:
    """Compares the inputs of both; None without held-out rows, or where rows lie in no arrays."""
    rows = training.rows_in_memory
    if rows is None or not training.held_out:
        return None
    trained = _inputs(rows.arrays)
    held_out = [_inputs(chunk.batch) for chunk in training.held_out]
    if not trained or not all(held_out):
        return None
    width = sum(int(np.prod(array.shape[1:])) for array in trained)
    stride = max(1, -(-rows.epoch_rows * width // MOST_VALUES))
    mine = row_numbers([array[: rows.epoch_rows : stride] for array in trained])
    others = np.concatenate([row_numbers(part) for part in held_out])
    return row_overlap(mine, others)


def _inputs(batch: Batch) -> list[Array]:
    """The inputs of a batch by name; none where one of them has no rows."""
    named = [(name, leaf) for name, leaf in batch_leaves(batch) if name.startswith("x")]
    leaves = sorted(named, key=lambda item: item[0])
    if any(isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)) for _, leaf in leaves):
        return []
    return [as_array(leaf) for _, leaf in leaves]
