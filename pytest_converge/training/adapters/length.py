"""The length of a training that is given in epochs: how many batches its data have."""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.calls import Call, FitCall
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.length import check_count
from pytest_converge.training.data.held_out import split_at
from pytest_converge.training.data.sources import MOST_BATCHES, yields_batches

__all__ = ["steps_per_epoch", "updates_of"]


def updates_of(call: Call, steps: int | None = None) -> int | None:
    """The updates that a call asks for by its epochs; None where it gives none.

    Args:
        call: of a verb.
        steps: updates that the same call gives beside them.

    Raises:
        InvalidTrainingError: the epochs have no known length, or contradict `steps`.
    """
    if not isinstance(call, FitCall):
        return None
    length = call.length
    if length.epochs is None:
        return None
    batches = None if length.steps_per_epoch else batches_per_pass(call)
    return length.updates(batches, steps=steps)


def steps_per_epoch(call: FitCall, steps: int) -> int:
    """Updates of an epoch of a training; data whose end nobody knows are one epoch.

    Args:
        call: of the verb.
        steps: updates of the training.
    """
    length = call.length
    batches = None if length.steps_per_epoch else batches_per_pass(call)
    return length.per_epoch(batches) or steps


def batches_per_pass(call: FitCall) -> int | None:
    """The batches of one pass over the data; None where they do not end or cannot be told.

    A dataset that does not know its size, as after a filter, is read through once.
    """
    x = call.x
    if isinstance(x, keras.utils.PyDataset):
        return None if x.num_batches is None else int(x.num_batches)
    if isinstance(x, tf.data.Dataset):
        known = int(x.cardinality())
        if known == tf.data.UNKNOWN_CARDINALITY:
            counted = sum(1 for _ in itertools.islice(x, MOST_BATCHES + 1))
            known = counted if counted <= MOST_BATCHES else tf.data.INFINITE_CARDINALITY
        return known if known > 0 else None
    rows = None if yields_batches(x) else _rows(x)
    if rows is None:
        return None
    try:
        size = check_count("batch_size", call.rows_per_batch)
    except InvalidTrainingError:
        return None  # refused with the data
    share = 0.0 if call.validation_data is not None else call.validation_split
    return math.ceil(split_at(rows, share) / size) or None


def _rows(x: Any) -> int | None:
    """The rows of arrays as they were passed, before they are read; None for what is no array."""
    for leaf in keras.tree.flatten(x):
        shape = getattr(leaf, "shape", None)
        if shape is not None and len(shape):
            return int(shape[0])
    return len(x) if isinstance(x, list) and x else None
