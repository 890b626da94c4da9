"""Rows drawn at random between those that are trained on and those that are held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array, ArrayData, Chunk
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["drawn_before_the_split"]


def drawn_before_the_split(
    rows: ArrayData, held_out: Sequence[Chunk], seed: int
) -> Intervention | None:
    """All rows in random order, as many of them held out as before.

    Args:
        rows: that are trained on.
        held_out: those that are not; one chunk at least.
        seed: of the draw.

    Returns:
        None where the two are not of one kind.
    """
    whole = list(_whole(rows, held_out))
    if len(whole) != len(keras.tree.flatten(rows.arrays)):
        return None
    total = rows.rows + sum(chunk.rows for chunk in held_out)
    order = np.random.default_rng(seed).permutation(total)

    def cut(start: int, stop: int, like: Any, tensors: bool) -> Any:
        parts = [None if leaf is None else leaf[order[start:stop]] for leaf in whole]
        if tensors:
            parts = [None if part is None else tf.convert_to_tensor(part) for part in parts]
        return keras.tree.pack_sequence_as(like, parts)

    chunks, start = [], rows.rows
    for chunk in held_out:
        stop = start + chunk.rows
        chunks.append(Chunk(cut(start, stop, chunk.batch, tensors=True), chunk.rows))
        start = stop
    return Intervention(
        code="unshuffled-data",
        change="rows drawn at random before they are held out",
        fix="order = np.random.permutation(len(x)); x, y = x[order], y[order]  # before the split",
        fault="the rows that are held out are others than those that are trained on",
        data=lambda data: data.with_arrays(cut(0, data.rows, data.arrays, tensors=False)),
        variant=lambda training: attributes_set([(training, "held_out", chunks)]),
        loss_factor=None,
    )


def _whole(rows: ArrayData, held_out: Sequence[Chunk]) -> Iterator[Array | None]:
    """Every array with the rows of both, those that are trained on first; none for another kind."""
    own = keras.tree.flatten(rows.arrays)
    others = [keras.tree.flatten(chunk.batch) for chunk in held_out]
    if any(len(leaves) != len(own) for leaves in others):
        return
    for place, leaf in enumerate(own):
        parts = [leaves[place] for leaves in others]
        if leaf is None:
            yield None
        elif any(part is None or tuple(part.shape[1:]) != leaf.shape[1:] for part in parts):
            return
        else:
            yield np.concatenate([leaf, *(np.asarray(part) for part in parts)]).astype(leaf.dtype)
