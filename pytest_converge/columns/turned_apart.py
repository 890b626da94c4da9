"""Masks that are turned or mirrored otherwise than their pictures, told row by row."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pytest_converge.columns import local_fit
from pytest_converge.columns.order_of_axes import CLEAR, FEWEST_ROWS

__all__ = ["TURNS", "TurnedApart", "turned", "turned_apart"]

Array = np.ndarray[Any, Any]

#: What a picture may be turned into, rows first: none of it, up and down, left and right, both; a
#: square also by a quarter to either side, and along each diagonal.
FLIPS: tuple[Callable[[Array], Array], ...] = (
    lambda array: array,
    lambda array: np.flip(array, 1),
    lambda array: np.flip(array, 2),
    lambda array: np.flip(array, (1, 2)),
)
TURNS: tuple[Callable[[Array], Array], ...] = (
    *FLIPS,
    lambda array: np.rot90(array, 1, (1, 2)),
    lambda array: np.rot90(array, 3, (1, 2)),
    lambda array: np.swapaxes(array, 1, 2),
    lambda array: np.swapaxes(np.flip(array, (1, 2)), 1, 2),
)
#: Fewer places of a picture tell no way from another: of 20 sets of noise, or of targets half of
#: which is noise, up to 20 seemed turned in 2 x 2 places, up to 9 in 3 x 3 and none in 4 x 4.
FEWEST_PLACES = 25
#: A target is turned where it is predicted with so much less of an error if it is turned back; of
#: pictures and targets that are mirrored by tosses of their own half are, of those that are turned
#: any way seven of eight, less those that look the same.
MUCH_LESS, TURNED = 0.7, 0.2
#: How often the fit is made again of what is turned back: by seven of eight wrong ones it is faint.
ROUNDS = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TurnedApart:
    """Targets of which some, and not others, are turned against their pictures.

    Attributes:
        name: of the targets.
        ways: for each row the place in `TURNS` of what turns it back; 0 for none.
    """

    name: str
    ways: tuple[int, ...]

    @property
    def share(self) -> float:
        """Of the rows that are turned."""
        return float(np.mean(np.array(self.ways) > 0))

    @property
    def axis(self) -> int:
        """The only axis along which they are mirrored; 0 where there are several ways."""
        (way, *others) = {*self.ways} - {0}
        return way if not others and way in (1, 2) else 0


def turned(array: Array, ways: Array) -> Array:
    """An array with each row turned its way."""
    back = np.array(array)
    for way in np.unique(ways):
        back[ways == way] = TURNS[way](back[ways == way])
    return back


def turned_apart(inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> TurnedApart | None:
    """Targets that are turned in some rows, as by random turns that pictures do not share.

    A linear fit of all rows, as of `misplaced`, predicts the target of each place; rows are told by
    the way in which theirs is predicted best.

    Args:
        inputs: arrays with the rows first, by name.
        targets: of the same rows.
    """
    pictures = {
        name: local_fit.finite(array)
        for name, array in inputs.items()
        if local_fit.is_looked_at(array) and array.ndim == 4
    }
    for name, array in targets.items():
        known = local_fit.is_looked_at(array) and len(array) >= FEWEST_ROWS
        if not known or math.prod(array.shape[1:3]) < FEWEST_PLACES:
            continue
        pairs = [x for x in pictures.values() if local_fit.common_places(x, array) == 2]
        if pairs:
            table = local_fit.finite(array).reshape(*array.shape[:3], -1)
            ways = _ways(pairs[0], table - table.mean())
            if (ways > 0).mean() >= TURNED and _tells_more(pairs[0], table, ways):
                return TurnedApart(name=name, ways=tuple(ways.tolist()))
    return None


def _ways(inputs: Array, table: Array) -> Array:
    """Of each row the way by which its target is predicted best, if that is much better.

    Where there are many rows, by a fit of some of them.
    """
    few = slice(local_fit.MOST_ROWS)
    ways, rows = np.zeros(len(table[few]), int), np.arange(len(table[few]))
    for _ in range(ROUNDS):
        predicted = local_fit.predicted(inputs[few], turned(table[few], ways), rows)
        before, ways = ways, _best(table[few], predicted)
        if np.array_equal(before, ways):
            break
    if len(table) == len(ways):
        return ways
    back = np.concatenate([turned(table[few], ways), table[local_fit.MOST_ROWS :]])
    every = _best(table, local_fit.predicted(inputs, back, rows))
    every[few] = ways
    return every


def _best(table: Array, predicted: Array) -> Array:
    """Of each row the way that is nearest to what is predicted; 0 where none is by far."""
    tried = TURNS if table.shape[1] == table.shape[2] else FLIPS
    errors = np.stack([np.square(turn(table) - predicted).mean(axis=(1, 2, 3)) for turn in tried])
    ways: Array = errors.argmin(axis=0)
    ways[errors.min(axis=0) >= MUCH_LESS * errors[0]] = 0
    return ways


def _tells_more(inputs: Array, table: Array, ways: Array) -> bool:
    """Whether targets are predicted clearly better so than if none or all are turned alike."""
    few = slice(local_fit.MOST_ROWS)
    own = local_fit.skill(inputs[few], turned(table[few], ways[few]))
    alike = [local_fit.skill(inputs[few], TURNS[way](table[few])) for way in {0, *ways.tolist()}]
    return own > CLEAR + max(alike)
