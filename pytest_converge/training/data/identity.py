"""Which data a training sees, in a few numbers that a baseline keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.columns.fingerprint import Fingerprint
from pytest_converge.training.data.arrays import as_array, batch_leaves
from pytest_converge.training.data.batches import ArrayData, Batch, TrainingData, batch_rows

__all__ = ["data_facts"]

#: Values that are looked at, at most: 0.5 GB in float32, some seconds.
MOST_VALUES = 2**27
#: Batches that are looked at beyond those of a training, at most so many times as many: as a
#: baseline reads for its starts.
MOST_READINGS = 20
#: How much of the data was looked at.
EPOCH, PART, SEEN = "an epoch", "a part", "the training"
#: The groups by the letter that `batch_leaves` names their arrays with.
GROUPS = {"x": "x", "y": "y", "s": "w"}


def data_facts(data: TrainingData | None, steps: int) -> dict[str, float | int | str]:
    """What identifies the rows of a training, in whatever order and kind of array they come.

    Args:
        data: of the first start.
        steps: batches that a training reads.

    Returns:
        See `Fingerprint.facts`; `seen` says of how much of the data; empty where nothing is known.
    """
    if data is None:
        return {}
    rows = data.rows_in_memory
    if rows is not None and not data.is_cut:
        batches: Iterator[Batch] = iter([_first_rows(rows)])
        seen = EPOCH
    elif data.epoch is not None:
        batches, seen = iter(data.epoch()), EPOCH
    elif rows is not None:
        batches, seen = iter([rows.arrays]), SEEN
    else:
        return {}
    fingerprint = Fingerprint(tuple(GROUPS.values()))
    values = 0
    for number, batch in enumerate(batches, start=1):
        groups = _groups(batch)
        if groups is None:
            return {}
        fingerprint.add(groups)
        values += sum(array.size for part in groups.values() for array in part)
        if values > MOST_VALUES or number >= MOST_READINGS * steps:
            seen = PART
            break
    facts = fingerprint.facts()
    if rows is not None and data.shares_order:
        facts["order"] = order_digest(rows)
    return {**facts, "seen": seen}


def order_digest(rows: ArrayData) -> str:
    """A number for the batches in their order, where every start sees the same ones."""
    fingerprint = Fingerprint(("x", "y", "w", "place"))
    groups = _groups(rows.arrays)
    if groups is None:
        return ""
    place = np.arange(rows.rows, dtype=np.int64)[:, None]
    fingerprint.add({**groups, "place": [place]})
    return str(fingerprint.facts()["digest"])


def _first_rows(rows: ArrayData) -> Any:
    count = rows.epoch_rows
    return keras.tree.map_structure(lambda a: None if a is None else a[:count], rows.arrays)


def _groups(batch: Batch) -> dict[str, list[Any]] | None:
    """The arrays of a batch by what they are; None where they are no rows of numbers or text."""
    leaves = sorted(batch_leaves(batch), key=lambda item: item[0])
    if any(isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)) for _, leaf in leaves):
        return None
    rows = batch_rows(batch)
    groups: dict[str, list[Any]] = {}
    for name, leaf in leaves:
        array = as_array(leaf)
        if not array.ndim or len(array) != rows:
            return None
        groups.setdefault(GROUPS.get(name[0], "x"), []).append(array)
    return groups or None
