"""Whether the numbers of pictures and series are where they belong, told without a model.

An array that is stored channels first and brought to channels last by `reshape`, not `transpose`,
has the shape that is asked for and its numbers anywhere; masks may have rows and columns exchanged,
or be mirrored against their pictures. Two looks tell it. Targets of places follow from the inputs
around the same place, by a linear fit on half of the rows looked at on the other half. And places
side by side are alike, as they are not where their numbers come from elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pytest_converge.columns import local_fit
from pytest_converge.columns.classes import as_table

__all__ = [
    "CLEAR",
    "FEWEST_ROWS",
    "Misplaced",
    "Reordering",
    "misplaced",
    "transposed",
    "turned",
]

Array = np.ndarray[Any, Any]

#: Fewer rows tell nothing.
FEWEST_ROWS = 24
#: Skill that a better order has above the given one. Of 200 sound sets of pictures and series (40
#: to 400 rows, some with nothing to learn) none had another order that was better by 0.001, and of
#: 100 masks that were reshaped all were found.
CLEAR = 0.1
#: Places side by side differ by so much less in a better order, of what they differ by as given:
#: none of the 200 sound sets did, and 91 of 100 that were reshaped.
LESS = 0.6
#: They have to be alike at all: the least correlation of neighbours.
ALIKE = 0.3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reordering:
    """Another order of the numbers of an array, which leaves its shape as it is.

    Attributes:
        words: what it does, with the name of an array for `{a}`.
        shape: what a row is brought to first; empty for what it is.
        axes: the order of its axes then, the rows first; empty for their own.
        mirrored: the axis that is turned round; 0 for none.
    """

    words: str
    shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    mirrored: int = 0

    def of(self, array: Array) -> Array:
        """The numbers of an array in this order."""
        if self.shape:
            array = array.reshape(len(array), *self.shape)
        if self.axes:
            array = array.transpose(self.axes)
        if self.mirrored:
            array = np.flip(array, self.mirrored)
        return np.ascontiguousarray(array)

    def code(self, name: str) -> str:
        """The same as code."""
        if self.mirrored:
            return f"{name}[{':, ' * self.mirrored}::-1]"
        first = f".reshape(-1, {', '.join(map(str, self.shape))})" if self.shape else ""
        if self.axes[:3] == (0, 2, 1) and (len(self.axes) == 4 or not self.shape):
            return f"{name}{first}.swapaxes(1, 2)"
        return f"{name}{first}.transpose({', '.join(map(str, self.axes))})"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """An array whose numbers are not where they belong.

    Attributes:
        name: of the array.
        order: the better one.
        before, after: as given and in the better order: the skill with which targets are predicted
            from the same places, or the correlation of places side by side.
        by_place: True for skill.
    """

    name: str
    order: Reordering
    before: float
    after: float
    by_place: bool


def transposed(shape: tuple[int, ...], places: int) -> Reordering | None:
    """The order of numbers that were stored channels first and reshaped; None without channels.

    Args:
        shape: of a row.
        places: how many of its axes are those of places: 1 of a series, 2 of a picture.
    """
    sizes, channels = shape[:places], shape[places:]
    if not channels or channels[0] == 1 or math.prod(sizes) == 1:
        return None
    axes = (0, *range(2, 2 + places), 1)
    return Reordering(words="{a} transposed, not reshaped", shape=(*channels, *sizes), axes=axes)


def turned(shape: tuple[int, ...], places: int) -> Iterator[Reordering]:
    """Pictures with rows and columns exchanged, and mirrored along either; none of a series."""
    if places != 2 or min(shape[:2]) == 1:
        return
    high, wide, *channels = shape
    other = () if high == wide else (wide, high, *channels)
    axes = (0, 2, 1, 3)[: 3 + len(channels)]
    yield Reordering(words="rows and columns of {a} exchanged", shape=other, axes=axes)
    yield Reordering(words="{a} turned upside down", mirrored=1)
    yield Reordering(words="{a} mirrored from left to right", mirrored=2)


def misplaced(inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> tuple[Misplaced, ...]:
    """The arrays of which another order of their numbers is clearly better.

    Args:
        inputs: arrays with the rows first, by name.
        targets: of the same rows.
    """
    held = {
        name: array
        for name, array in {**inputs, **targets}.items()
        if local_fit.is_looked_at(array)
    }
    count = min(map(len, held.values()), default=0)
    if count < FEWEST_ROWS:
        return ()
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(count, min(count, local_fit.MOST_ROWS), replace=False))
    held = {name: local_fit.finite(array[rows]) for name, array in held.items()}
    own = {name: array for name, array in held.items() if name in inputs and array.ndim > 2}
    found = [each for name, array in own.items() if (each := _rough(name, array)) is not None]
    moved = {**own, **{each.name: each.order.of(own[each.name]) for each in found}}
    for name in targets.keys() & held.keys():
        pairs = [n for n, x in own.items() if local_fit.common_places(x, held[name])]
        if not pairs:
            continue
        given = max(local_fit.skill(own[n], held[name]) for n in pairs)
        after = max(local_fit.skill(moved[n], held[name]) for n in pairs)
        better = _better(name, held[name], {n: moved[n] for n in pairs}, after)
        if better is None and after < given:
            return ()  # what is told by the given places is in its place
        if better is not None:
            found.append(dataclasses.replace(better, before=given))
            moved.update({n: better.order.of(moved[n]) for n in pairs if n == better.name})
    return tuple(found)


def _better(
    name: str, targets: Array, inputs: Mapping[str, Array], given: float
) -> Misplaced | None:
    """The order of targets, or of an input, in which places tell most, where that is clear."""
    best: Misplaced | None = None
    for own, array in inputs.items():
        places = array.ndim - 2
        # Inputs that are mirrored or exchanged are no others than targets that are.
        of_inputs = (own, transposed(array.shape[1:], places))
        of_targets = (name, transposed(targets.shape[1:], places))
        tried = [(n, order) for n, order in (of_targets, of_inputs) if order is not None]
        tried += [(name, order) for order in turned(targets.shape[1:], places)]
        for changed, order in tried:
            x = order.of(array) if changed == own else array
            y = order.of(targets) if changed == name else targets
            skill = local_fit.skill(x, y)
            if skill > (given + CLEAR if best is None else best.after):
                best = Misplaced(
                    name=changed, order=order, before=given, after=skill, by_place=True
                )
    return best


def _rough(name: str, array: Array) -> Misplaced | None:
    """An array of inputs whose numbers are alike side by side in another order alone.

    In the order of memory the last channel of a place comes before the first one of the next. They
    are neighbours where channels were stored one after the other, and hardly alike where they were
    not; channels of one place, which are often alike, say nothing.
    """
    order = transposed(array.shape[1:], array.ndim - 2)
    away = array - array.mean(axis=0)
    if order is None or array.shape[-1] > array[0].size // array.shape[-1]:
        return None
    channels, line = array.shape[-1], array.shape[-2]
    size = array[0].size // channels
    flat, each = as_table(away), np.arange(array[0].size - 1)
    across = each[(each % channels == channels - 1) & (each % line != line - 1)]
    ends = each[each % size == size - 1]
    given = max(_alike(away, axis) for axis in range(1, array.ndim - 1))
    moved = order.of(away)
    after = min(
        _correlation(flat[:, across], flat[:, across + 1]),
        *(_alike(moved, axis) for axis in range(1, array.ndim - 1)),
    )
    # A series cut into pieces goes on from piece to piece, and from channel to channel.
    goes_on = array.ndim == 3 and _correlation(flat[:, ends], flat[:, ends + 1]) > after / 2
    if goes_on or after < ALIKE or 1 - after > LESS * (1 - given):
        return None
    return Misplaced(name=name, order=order, before=given, after=after, by_place=False)


def _alike(array: Array, axis: int) -> float:
    """The correlation of places side by side along an axis."""
    count = array.shape[axis]
    before, behind = (np.take(array, range(n, count - 1 + n), axis) for n in (0, 1))
    return _correlation(before, behind)


def _correlation(first: Array, second: Array) -> float:
    length = math.sqrt(float(np.square(first).sum()) * float(np.square(second).sum()))
    return float((first * second).sum()) / length if length else 0.0
