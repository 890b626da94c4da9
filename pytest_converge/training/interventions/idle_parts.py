"""Parts of a batch that a step never reads, and edits of it that read them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Batch
from pytest_converge.training.interventions.edits import Edit
from pytest_converge.training.measures.first_step import FirstStep, first_step
from pytest_converge.training.state.own_code import OwnFunction
from pytest_converge.training.state.rewritten import rewritten
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import Training

__all__ = ["idle_names", "idle_parts", "reads_more"]

#: A loss has to keep this share of its size where more is read, at the start and at the end of the
#: failed run: rows that a mask takes out are no repair where next to nothing is left. A choice.
LEAST_KEPT = 0.25


def idle_parts(training: Training, before: FirstStep) -> list[Any]:
    """The parts of the first batch whose rows may stand in any order: no step reads them."""
    return [
        part
        for part, batch in _with_others(training.first_batch())
        if _same(training, batch, before)
    ]


def idle_names(parts: list[Any], named: Mapping[str, Any]) -> list[str]:
    """Names in a function that hold one of some arrays.

    Args:
        parts: the arrays.
        named: what the names of a function hold.
    """
    held = [(name, value) for name, value in named.items() if hasattr(value, "numpy")]
    return [name for name, value in held if any(_equal(value, part) for part in parts)]


def reads_more(
    training: Training,
    own: OwnFunction,
    changes: Edit,
    seen: tuple[FirstStep, FirstStep],
    end: Snapshot,
) -> float:
    """How large a loss is where a step reads a part that it never read, and all that it did before.

    Args:
        training: where it began.
        own: the function that is edited.
        changes: the edit.
        seen: the first step without the edit and under it.
        end: what is trained, as the failed run left it.

    Returns:
        The share of its size that the edit leaves the loss where the training began or ended,
        whichever is less, and 1 at most: what it is smaller by is not learnt. 0 where the edit
        reads no more, or less, or leaves next to nothing.
    """
    before, after = seen
    edited = functools.partial(rewritten, own, changes)
    share = min(_share(before, after), _share_at(training, edited, end), 1.0)
    if share < LEAST_KEPT:
        return 0.0
    more = False
    for _, batch in _with_others(training.first_batch()):
        idle, other = _same(training, batch, before), first_step(training, edited, batch)
        read = other is not None and not (other.same_loss(after) and other.same_end(after))
        if not idle and not read:
            return 0.0
        more = more or (idle and read)
    return share if more else 0.0


def _share(before: FirstStep | None, after: FirstStep | None) -> float:
    if before is None or after is None or not before.loss > 0:
        return 0.0
    return after.loss / before.loss


def _share_at(training: Training, edited: Any, end: Snapshot) -> float:
    start = training.snapshot()
    end.restore()
    try:
        before, after = first_step(training), first_step(training, edited)
    finally:
        start.restore()
    return _share(before, after)


def _same(training: Training, batch: Batch, before: FirstStep) -> bool:
    """Whether a step of another batch does what that of the first one does."""
    other = first_step(training, batch=batch)
    return other is not None and other.same_loss(before) and other.same_end(before)


def _with_others(batch: Batch) -> Iterator[tuple[Any, Batch]]:
    """Each part of a batch, and the batch with the rows of that part in another order."""
    leaves = keras.tree.flatten(batch)
    for place, leaf in enumerate(leaves):
        if not isinstance(leaf, tf.Tensor) or not leaf.shape.rank:
            continue
        rolled = tf.roll(leaf, 1, axis=0)
        if not _equal(rolled, leaf):
            parts = [*leaves[:place], rolled, *leaves[place + 1 :]]
            yield leaf, keras.tree.pack_sequence_as(batch, parts)


def _equal(one: Any, other: Any) -> bool:
    return one.shape == other.shape and np.array_equal(one.numpy(), other.numpy())
