"""Whether the loss of a batch is the sum over its rows, which multiplies every step."""

from __future__ import annotations

import keras
import tensorflow as tf

from pytest_converge.training.data.batches import batch_rows
from pytest_converge.training.state.graphs import functions_run_eagerly
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
    # Without an optimizer nothing is probed: a step is made and taken back.
    by_hand = training.scales_updates and not training.beyond_reach
    if data is None or not (any(training.probe_chunks()) or by_hand):
        return None
    chunks = training.chunks(data.batch_size)
    batch = chunks[0].batch if chunks else training.first_batch()
    doubled = keras.tree.map_structure(_doubled, batch)
    state, losses = training.snapshot(), []
    with functions_run_eagerly():
        for each in (batch, doubled):
            # A step that is called so updates all the same.
            losses.append(float(training.probe(each)))
            state.restore()
    once, twice = losses
    return batch_rows(batch) if once != 0 and LEAST < twice / once < MOST else None


def _doubled(array: tf.Tensor | None) -> tf.Tensor | None:
    return None if array is None else tf.concat([array, array], axis=0)
