"""Whether the loss of a batch is the sum over its rows, which multiplies every step."""

from __future__ import annotations

import keras
import tensorflow as tf

from pytest_converge.training.training import Training

__all__ = ["rows_summed"]

#: What the loss of a batch with every row twice is of the loss of the batch: 1 for a mean, 2 for a
#: sum; a penalty or dropout on top makes it a little less or more.
LEAST, MOST = 1.8, 2.2


def rows_summed(training: Training) -> int | None:
    """The rows of a batch over which the loss is summed; None for a mean, and without rows.

    A loss over all pairs of rows grows by four, one that compares a column with a row stays.

    Args:
        training: left as it was.
    """
    data = training.data
    if data is None or not any(training.probe_chunks()):
        return None
    (chunk, *_) = training.chunks(data.batch_size)
    doubled = keras.tree.map_structure(_doubled, chunk.batch)
    state, losses = training.snapshot(), []
    for batch in (chunk.batch, doubled):
        # A compiled step of the user's updates all the same.
        losses.append(float(training.probe(batch)))
        state.restore()
    once, twice = losses
    return chunk.rows if once != 0 and LEAST < twice / once < MOST else None


def _doubled(array: tf.Tensor | None) -> tf.Tensor | None:
    return None if array is None else tf.concat([array, array], axis=0)
