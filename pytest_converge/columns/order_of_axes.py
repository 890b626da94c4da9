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

from pytest_converge.columns.classes import as_table

__all__ = [
    "MirroredApart",
    "Misplaced",
    "Reordering",
    "mirrored_apart",
    "misplaced",
    "transposed",
    "turned",
]

Array = np.ndarray[Any, Any]

#: Rows that are looked at: at most, so that it takes a tenth of a second, and at least.
MOST_ROWS, FEWEST_ROWS = 400, 24
#: Places of all these rows that are looked at, for the same reason.
MOST_PLACES = 12_000
#: Channels of inputs, at most, and different values of one channel that are classes.
MOST_CHANNELS, MOST_CLASSES = 16, 12
#: Strength of the ridge, as a share of the squares of the features.
RIDGE = 1e-3
#: Skill that a better order has above the given one. Of 200 sound sets of pictures and series (40
#: to 400 rows, some with nothing to learn) none had another order that was better by 0.001, and of
#: 100 masks that were reshaped all were found.
CLEAR = 0.1
#: Places side by side differ by so much less in a better order, of what they differ by as given:
#: none of the 200 sound sets did, and 91 of 100 that were reshaped.
LESS = 0.6
#: A target is mirrored where it is predicted with so much less of an error if it is turned round;
#: of pictures and targets that are mirrored by tosses of their own half are, less those that look
#: the same both ways.
MUCH_LESS, MIRRORED = 0.7, 0.2
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
    held = {name: array for name, array in {**inputs, **targets}.items() if _is_looked_at(array)}
    count = min(map(len, held.values()), default=0)
    if count < FEWEST_ROWS:
        return ()
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(count, min(count, MOST_ROWS), replace=False))
    held = {name: _finite(array[rows]) for name, array in held.items()}
    own = {name: array for name, array in held.items() if name in inputs and array.ndim > 2}
    found = [each for name, array in own.items() if (each := _rough(name, array)) is not None]
    moved = {**own, **{each.name: each.order.of(own[each.name]) for each in found}}
    for name in targets.keys() & held.keys():
        pairs = [n for n, x in own.items() if _places(x, held[name])]
        if not pairs:
            continue
        given = max(_skill(own[n], held[name]) for n in pairs)
        after = max(_skill(moved[n], held[name]) for n in pairs)
        better = _better(name, held[name], {n: moved[n] for n in pairs}, after)
        if better is None and after < given:
            return ()  # what is told by the given places is in its place
        if better is not None:
            found.append(dataclasses.replace(better, before=given))
            moved.update({n: better.order.of(moved[n]) for n in pairs if n == better.name})
    return tuple(found)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MirroredApart:
    """Targets of which some, and not others, are mirrored against their pictures.

    Attributes:
        name: of the targets.
        axis: along which they are.
        which: for each row whether it is mirrored.
    """

    name: str
    axis: int
    which: tuple[bool, ...]

    @property
    def share(self) -> float:
        """Of the rows that are mirrored."""
        return sum(self.which) / len(self.which)


def mirrored_apart(
    inputs: Mapping[str, Array], targets: Mapping[str, Array]
) -> MirroredApart | None:
    """Targets that are mirrored in some rows, as by random flips that pictures do not share.

    A linear fit of all rows, as of `misplaced`, predicts the target of each place; rows are told by
    whether it does better where the targets are turned round.

    Args:
        inputs: arrays with the rows first, by name.
        targets: of the same rows.
    """
    pictures = {n: _finite(x) for n, x in inputs.items() if _is_looked_at(x) and x.ndim == 4}
    for name, array in targets.items():
        pairs = [x for x in pictures.values() if _is_looked_at(array) and _places(x, array) == 2]
        if not pairs or len(array) < FEWEST_ROWS:
            continue
        table = _finite(array).reshape(*array.shape[:3], -1)
        table = table - table.mean()
        predicted = _predicted(pairs[0], table)
        given = np.square(table - predicted).mean(axis=(1, 2, 3))
        for axis in (1, 2):
            turned_round = np.square(np.flip(table, axis) - predicted).mean(axis=(1, 2, 3))
            which = turned_round < MUCH_LESS * given
            if MIRRORED <= which.mean() <= 1 - MIRRORED and _tells_more(
                pairs[0], table, which, axis
            ):
                return MirroredApart(name=name, axis=axis, which=tuple(which.tolist()))
    return None


def _tells_more(inputs: Array, table: Array, which: Array, axis: int) -> bool:
    """Whether targets are predicted clearly better with some turned round than with none or all."""
    few = slice(MOST_ROWS)
    back = table[few].copy()
    back[which[few]] = np.flip(back[which[few]], axis)
    others = (table[few], np.flip(table[few], axis))
    return _skill(inputs[few], back) > CLEAR + max(_skill(inputs[few], y) for y in others)


def _predicted(inputs: Array, table: Array) -> Array:
    """What a linear fit of some rows predicts of every place of all rows."""
    inputs = inputs[..., :MOST_CHANNELS] - inputs[..., :MOST_CHANNELS].mean()
    picked = np.linspace(0, len(inputs) - 1, min(len(inputs), MOST_ROWS)).astype(int)

    def features(rows: Array) -> Array:
        grid = np.indices((len(rows), *inputs.shape[1:3])).reshape(3, -1)
        return _around(inputs, rows[grid[0]], [grid[1], grid[2]])

    known = features(picked)
    gram = known.T @ known + RIDGE * len(known) * np.eye(known.shape[1])
    fit = np.linalg.solve(gram, known.T @ table[picked].reshape(-1, table.shape[-1]))
    every = [
        features(part) @ fit
        for part in np.array_split(np.arange(len(inputs)), max(len(inputs) // MOST_ROWS, 1))
    ]
    predicted: Array = np.concatenate(every).reshape(table.shape)
    return predicted


def _is_looked_at(array: Array) -> bool:
    return array.dtype.kind in "biuf" and array.ndim in (3, 4) and array.size > 0


def _finite(array: Array) -> Array:
    numbers: Array = np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)
    return numbers


def _places(inputs: Array, targets: Array) -> int:
    """How many axes of places both have, the same ones; 0 for none."""
    places = inputs.ndim - 2
    alike = inputs.shape[1:-1] == targets.shape[1 : 1 + places]
    fits = targets.ndim in (inputs.ndim, inputs.ndim - 1)
    return places if alike and fits and math.prod(inputs.shape[1:-1]) > 1 else 0


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
            skill = _skill(x, y)
            if skill > (given + CLEAR if best is None else best.after):
                best = Misplaced(
                    name=changed, order=order, before=given, after=skill, by_place=True
                )
    return best


def _skill(inputs: Array, targets: Array) -> float:
    """The skill with which a linear fit predicts targets from the inputs around their place.

    Over what the place has in the mean of all rows; learnt on half of the rows, looked at on the
    other half.
    """
    rng, places = np.random.default_rng(1), inputs.ndim - 2
    table = targets.reshape(*targets.shape[: 1 + places], -1)
    values = np.unique(table)
    if table.shape[-1] == 1 and len(values) <= MOST_CLASSES:
        table = (table == values).astype(np.float64)
    table = table - table.mean(axis=0)
    inputs = inputs[..., :MOST_CHANNELS] - inputs[..., :MOST_CHANNELS].mean(axis=0)
    rows = np.repeat(np.arange(len(inputs)), -(-MOST_PLACES // len(inputs)))
    where = [rng.integers(0, size, len(rows)) for size in inputs.shape[1:-1]]
    features = _around(inputs, rows, where)
    features /= np.maximum(features.std(axis=0), 1e-12)
    asked = table[(rows, *where)]
    total = float(np.square(asked).sum())
    if not total:
        return 0.0
    error = 0.0
    for learnt in (rows % 2 == 0, rows % 2 == 1):
        known = features[learnt]
        gram = known.T @ known
        gram += RIDGE * len(known) * np.eye(len(gram))
        fit = np.linalg.solve(gram, known.T @ asked[learnt])
        error += float(np.square(asked[~learnt] - features[~learnt] @ fit).sum())
    return max(1.0 - error / total, 0.0)


def _around(inputs: Array, rows: Array, where: list[Array]) -> Array:
    """The channels of places, their squares and those of the places beside them."""
    here = inputs[(rows, *where)]
    found = [np.ones((len(rows), 1)), here, np.square(here)]
    for axis, size in enumerate(inputs.shape[1:-1]):
        for step in (-1, 1):
            beside = [*where]
            beside[axis] = np.clip(where[axis] + step, 0, size - 1)
            found.append(inputs[(rows, *beside)])
    return np.concatenate(found, axis=1)


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
