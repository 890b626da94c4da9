"""Rows of a batch that have no influence on its loss."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.data.batches import Batch, Chunk, batch_rows
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.measures.gradients import undisturbed

__all__ = ["IdleRows", "idle_rows"]

#: Parts of a batch that are exchanged one after the other: a loss of one row leaves three of them
#: idle, at the cost of six probes of a batch.
PARTS = 4
#: How far away, as a share of the batch, the rows are that take the place of a part.
SHIFT = 1 / 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdleRows:
    """Rows of the first batch that can be exchanged without any change of its loss.

    Attributes:
        first, last: their numbers, counted from 1, where they follow each other.
        rows: of the batch.
    """

    first: int
    last: int
    rows: int


def idle_rows(loop: Loop) -> IdleRows | None:
    """The longest stretch of parts of the first batch without influence; changes nothing.

    A loss that takes one row, as by `loss[0]`, learns nothing of the others. Values that are drawn
    anew at every look, or taken over all rows, show as an influence.

    Args:
        loop: of the training, with a step that was traced.

    Returns:
        None where every part has an influence, or none of them.
    """
    training = loop.training
    batch = training.first_batch()
    if batch is None or training.probe_chunks()[1] == 0:
        return None
    rows = batch_rows(batch)
    if rows < 2 * PARTS:
        return None
    with undisturbed(training):
        own = loop.probe_loss([Chunk(batch, rows)])
        if own != loop.probe_loss([Chunk(batch, rows)]):
            return None
        idle = [
            loop.probe_loss([Chunk(_exchanged(batch, rows, *ends), rows)]) == own
            for ends in _parts(rows)
        ]
    if all(idle) or not any(idle):
        return None
    return _longest(list(_parts(rows)), idle, rows)


def _parts(rows: int) -> Iterator[tuple[int, int]]:
    return itertools.pairwise(round(rows * part / PARTS) for part in range(PARTS + 1))


def _exchanged(batch: Batch, rows: int, start: int, stop: int) -> Batch:
    """The batch with other rows of its own in the place of some."""
    numbers = list(range(rows))
    numbers[start:stop] = [(n + round(rows * SHIFT)) % rows for n in range(start, stop)]
    index = tf.constant(numbers)

    def taken(leaf: Any) -> Any:
        return None if leaf is None else tf.gather(leaf, index)

    return keras.tree.map_structure(taken, batch)


def _longest(parts: list[tuple[int, int]], idle: list[bool], rows: int) -> IdleRows:
    stretches = [
        list(group) for free, group in itertools.groupby(range(PARTS), idle.__getitem__) if free
    ]
    longest = max(stretches, key=len)
    return IdleRows(first=parts[longest[0]][0] + 1, last=parts[longest[-1]][1], rows=rows)
