"""Rows whose classes are numbered in another way than those of the others.

Two files that were encoded each by a mapping of its own give one class two numbers. Nearest
neighbours (Cover and Hart 1967, Nearest neighbor pattern classification) among the other rows tell
which class a row looks like, whatever its number is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.classes import as_table
from pytest_converge.columns.signal import features_of
from pytest_converge.columns.told_rows import ToldRows, told_by_columns, told_by_place

__all__ = ["RenumberedRows", "renumbered_rows"]

Array = np.ndarray[Any, Any]

#: Rows that are looked at, at most, so that it takes a tenth of a second.
MOST_ROWS = 1500
#: Neighbours of a row that are asked for its class.
NEIGHBOURS = 7
#: Classes: two are the other way round, which effects tell, and so many numbers are ids.
FEWEST_CLASSES, MOST_CLASSES = 3, 50
#: Rows of a class in a part that tell what it looks like.
FEWEST_OF_A_CLASS = 5
#: The share of the rows of a part that look like the class to which the other numbering puts them:
#: a choice, beyond what chance gives where every class has another partner.
MATCHED = 0.6
#: A class has another number where so many times more of its rows look like another class.
CLEARLY = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RenumberedRows:
    """Rows in which classes have other numbers than in the others.

    Attributes:
        rows: what tells them.
        numbers: for each number from 0 on the one that the other rows have for that class.
    """

    rows: ToldRows
    numbers: tuple[int, ...]


def renumbered_rows(inputs: Sequence[Array], y: Array) -> RenumberedRows | None:
    """The rows in which classes are numbered in another way, or None.

    Args:
        inputs: arrays with the rows first, in their order.
        y: whole numbers from 0 on, one a row.
    """
    stride = max(1, -(-len(y) // MOST_ROWS))
    table = as_table(y)
    if table.shape[1] != 1 or not _are_numbers(table):
        return None
    classes = table[::stride, 0].astype(np.int64)
    arrays = [array[::stride] for array in inputs]
    features = features_of(arrays)
    if features is None or len(np.unique(classes)) < FEWEST_CLASSES or len(classes) <= NEIGHBOURS:
        return None
    near = _neighbours(features)
    tables = [array for array in arrays if array.ndim == 2] if len(arrays) == 1 else []
    parts = [part for table in tables for part in told_by_columns(table)]
    for part in (*parts, told_by_place(_change(classes, near), len(classes))):
        among = part.among(arrays[0])
        numbers = _numbers(features, classes, among)
        if numbers is not None:
            unseen = range(len(numbers), int(table.max()) + 1)
            return RenumberedRows(rows=part.of_every(stride), numbers=(*numbers, *unseen))
    return None


def _are_numbers(classes: Array) -> bool:
    if classes.dtype.kind not in "biuf" or not np.isfinite(classes).all():
        return False
    whole = (classes == np.round(classes)).all()
    return bool(whole and classes.min() >= 0 and classes.max() < MOST_CLASSES)


def _neighbours(features: Array) -> Array:
    """The nearest other rows of each row."""
    away = _distances(features, features)
    np.fill_diagonal(away, np.inf)
    nearest: Array = np.argpartition(away, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return nearest


def _distances(asked: Array, known: Array) -> Array:
    """Squared distances but for what is the same for all that are known to one row."""
    away: Array = np.square(known).sum(axis=1) - 2.0 * (asked @ known.T)
    return away


def _change(classes: Array, near: Array) -> int:
    """The row that lies between most neighbours of two numbers and fewest of one."""
    count = len(classes)
    rows = np.repeat(np.arange(count), near.shape[1])
    others = near.ravel()
    score = np.where(classes[rows] == classes[others], -1, 1)
    between = np.zeros(count + 1)
    # A pair lies on both sides of each row behind its first one, up to its last one.
    np.add.at(between, np.minimum(rows, others) + 1, score)
    np.add.at(between, np.maximum(rows, others) + 1, -score)
    return int(np.cumsum(between).argmax())


def _numbers(features: Array, classes: Array, among: Array) -> tuple[int, ...] | None:
    """What the other rows call each class of a part; None where they call it the same."""
    count = int(classes.max()) + 1
    sizes = [np.bincount(classes[part], minlength=count) for part in (among, ~among)]
    known = sizes[0] >= FEWEST_OF_A_CLASS
    if known.sum() < FEWEST_CLASSES or sizes[1].sum() <= NEIGHBOURS:
        return None
    away = _distances(features[among], features[~among])
    nearest = np.argpartition(away, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.eye(count)[classes[~among][nearest]].sum(axis=1)
    like = np.zeros((count, count))
    np.add.at(like, (classes[among], votes.argmax(axis=1)), 1)
    numbers = np.where(known, like.argmax(axis=1), np.arange(count))
    moved = np.flatnonzero(numbers != np.arange(count))
    rows = np.arange(count)
    if not len(moved) or len(np.unique(numbers[known])) < known.sum():
        return None
    if like[rows, numbers].sum() < MATCHED * like.sum():
        return None
    if not (like[moved, numbers[moved]] > CLEARLY * like[moved, moved]).all():
        return None
    return tuple(int(number) for number in numbers)
