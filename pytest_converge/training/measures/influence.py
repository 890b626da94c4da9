"""Rows of a batch, and columns of its targets, that have no influence on its loss."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Batch, Chunk, batch_rows
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.measures.gradients import StepGradient, Vector, undisturbed

__all__ = ["IdleColumns", "IdleRows", "idle_columns", "idle_rows"]

#: Parts of a batch that are exchanged one after the other: a loss of one row leaves three of them
#: idle, at the cost of six probes of a batch.
PARTS = 4
#: Batches of which one may have a gradient: of a hinge at its start half of them have.
MOST_BATCHES = 8
#: How far away, as a share of the batch, the rows are that take the place of a part.
SHIFT = 1 / 2
#: Columns of targets that are looked at, at the cost of a probe of a batch each.
MOST_COLUMNS = 32


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdleRows:
    """Rows of the first batch that can be exchanged without any change of its loss.

    Attributes:
        first, last: their numbers, counted from 1, where they follow each other.
        rows: of the batch.
        learnt: True where it is the gradient alone on which they have none: the loss that the step
            returns is another than the one that it differentiates.
    """

    first: int
    last: int
    rows: int
    learnt: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdleColumns:
    """Columns of the first batch that can hold any other values.

    Attributes:
        names: as in `y[:, 1]`.
        learnt: True where it is the gradient alone on which they have no influence.
    """

    names: tuple[str, ...]
    learnt: bool = False


def idle_rows(loop: Loop) -> IdleRows | None:
    """The longest stretch of parts of the first batch without influence; changes nothing.

    A loss that takes one row, as by `loss[0]`, learns nothing of the others. What is learnt from is
    the gradient that reaches the optimizer; a step may return another loss than it differentiates.
    Where no gradient can be had, the loss tells. Values that are drawn anew at every look, or taken
    over all rows, show as an influence.

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
    if rows < 2 * PARTS or not _has_rows(batch, rows):
        return None
    with undisturbed(training):
        for learnt, look in _looks(loop, rows):
            looked_at, own = _first_that_tells(training, look) if learnt else (batch, look(batch))
            if own is None or own != look(looked_at):
                continue
            idle = [look(_exchanged(looked_at, rows, *ends)) == own for ends in _parts(rows)]
            if any(idle) and not all(idle):
                found = _longest(list(_parts(rows)), idle, rows)
                return dataclasses.replace(found, learnt=learnt)
    return None


def _has_rows(batch: Batch, rows: int) -> bool:
    """False where the parts are of other lengths, as points within and on an edge."""
    return all(
        len(leaf.shape) > 0 and leaf.shape[0] == rows
        for leaf in keras.tree.flatten(batch)
        if leaf is not None
    )


def _first_that_tells(
    training: Any, look: Callable[[Batch], object]
) -> tuple[Batch, object | None]:
    """The first batch with a gradient, as a hinge that takes one row has in some batches alone."""
    found: Batch = training.first_batch()
    rows = batch_rows(found)
    for batch in itertools.islice(training.data.batches() if training.data else (), MOST_BATCHES):
        seen = look(batch) if _has_rows(batch, rows) else None
        if seen is not None:
            return batch, seen
    return found, None


def idle_columns(loop: Loop) -> IdleColumns | None:
    """The columns of the first batch that are not learnt from; changes nothing.

    A loss that takes one of several columns of the targets, as by `errors[:, 0]`, reads nothing of
    the others. A step that returns another loss than it differentiates may do so for its gradient
    alone: there columns of any array count that the loss reads.

    Args:
        loop: of the training, with a step that was traced.

    Returns:
        Columns of amounts, where some of an array have an influence and others, whose values
        differ, do not; None where there are none.
    """
    training = loop.training
    batch = training.first_batch()
    if batch is None or training.probe_chunks()[1] == 0:
        return None
    rows = batch_rows(batch)
    with undisturbed(training):
        read: set[str] = set()
        for learnt, look in _looks(loop, rows):
            own = look(batch)
            if own is None or own != look(batch):
                return None
            found = {
                name: idle
                for leaf in batch_leaves(batch)
                for name, idle in _columns(batch, *leaf, look, own).items()
            }
            arrays = {name.partition("[:")[0] for name, idle in found.items() if not idle}
            names = [
                name
                for name, idle in found.items()
                if idle and name.partition("[:")[0] in arrays
                if name in read or (not learnt and name[0] == "y")
            ]
            if names:
                return IdleColumns(names=tuple(names), learnt=learnt)
            read = {name for name, idle in found.items() if not idle}
    return None


def _columns(
    batch: Batch, name: str, leaf: Any, look: Callable[[Batch], object], own: object
) -> dict[str, bool]:
    """Whether each column of an array of amounts is without influence on what is looked at."""
    values = np.asarray(leaf)
    several = values.ndim > 1 and 2 <= values.shape[-1] <= MOST_COLUMNS
    if values.dtype.kind != "f" or not several:
        return {}
    # A small column beside large ones is lost in the rounding of their sum, and where all
    # predictions are alike other rows of a column have the same sum.
    far = np.abs(values).max()
    axes = ", ".join(":" * (values.ndim - 1))
    idle = {}
    for column in range(values.shape[-1]):
        moved = values.copy()
        rolled = np.roll(values[..., column], round(len(values) * SHIFT), axis=0)
        moved[..., column] = rolled + far
        if not np.array_equal(rolled, values[..., column]):
            changed = look(_with_leaf(batch, leaf, moved))
            idle[f"{name}[{axes}, {column}]"] = changed == own
    return idle


def _with_leaf(batch: Batch, leaf: Any, values: Any) -> Batch:
    """The batch with another array in the place of one."""
    new = tf.constant(values, dtype=leaf.dtype)
    return keras.tree.map_structure(lambda each: new if each is leaf else each, batch)


def _looks(loop: Loop, rows: int) -> Iterator[tuple[bool, Callable[[Batch], object]]]:
    """What a batch makes of a step: the loss it returns, and the gradient it learns from."""
    training = loop.training
    yield False, lambda batch: loop.probe_loss([Chunk(batch, rows)])
    if training.own_step and training.optimizers:
        gradient = StepGradient(training, trace=False)
        yield True, lambda batch: _bytes(gradient(batch))


def _bytes(gradient: list[Vector] | None) -> bytes | None:
    """The gradient as it is, to the last digit; None for none, and where all of it is 0."""
    if gradient is None or not any(part.any() for part in gradient):
        return None
    return b"".join(part.tobytes() for part in gradient)


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
