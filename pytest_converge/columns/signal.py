"""Whether inputs say anything about targets: predicted without the model, on rows held out.

Two predictors that need no tuning stand for all: a linear fit with a ridge (Hoerl and Kennard 1970,
Ridge regression) and nearest neighbours (Cover and Hart 1967, Nearest neighbor pattern
classification), both on scaled features. What either of them predicts better than the best constant
is there to be learnt; what neither does may be there all the same, in a form that only a model for
pictures, sequences or text can see. Targets of every place of a picture, or step of a sequence, are
predicted from what is around it as well: there a mask of another picture says nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.classes import as_table, class_labels, task_of

__all__ = ["CLEAR", "MOST_SHIFT", "Signal", "features_of", "read_signal"]

Array = np.ndarray[Any, Any]

#: Rows that are looked at: at most, so that it takes a tenth of a second, and at least.
MOST_ROWS, FEWEST_ROWS = 900, 100
#: Rows of a class are so many times those of the rarest one, at most.
TIMES_THE_RAREST = 3
#: Parts of the rows of which each is predicted from the others.
PARTS = 3
#: Rows by which inputs and targets may lie apart: a window, a lag or a header cut off from one. Of
#: few rows no more than three, as each takes two of them.
MOST_SHIFT, FEWEST_SHIFTS = 16, 3
#: So many rows above the fewest allow one shift more to either side.
ROWS_OF_A_SHIFT = 4
#: Rows like the first one that are taken for the first of a further epoch, one after the other.
MOST_PERIODS = 10
#: Skill above what chance gives: on 400 tables of noise (106 to 1,200 rows, 1 to 39 columns) it was
#: exceeded once, by 0.07; an error to that side only leaves labels unaccused.
SOME = 0.05
#: Skill of a shifted pairing that is no chance: the best of 33 shifts reached 0.07 on 100 such
#: tables, and 0.2 on 300 whose rows follow from those before (correlations of 0.5, 0.9 and 0.99),
#: where none stood ALONE.
CLEAR = 0.25
#: The next best shift tells less than this share of what the best one tells: inputs that overlap
#: from row to row tell the targets of several.
ALONE = 0.5
#: A correlation from which on a column is the target of another row, not what it depends on.
SAME = 0.9999
#: Strengths of the ridge, as shares of the mean square of the features.
RIDGES = (1e-3, 3e-2, 0.3, 3.0)
#: Numbers of neighbours.
NEIGHBOURS = (3, 10, 30)
#: Columns of inputs, at most, and of targets; more are mixed at random (Johnson and Lindenstrauss
#: 1984).
MOST_COLUMNS, MOST_TARGETS = 192, 16
#: Patches on a side of a picture, whose means are its columns.
PATCHES = 8
#: Columns of which all products are features as well.
MOST_MULTIPLIED = 16
#: Integers with more different values than this and no order are tokens, counted by row; columns
#: with no more come back to what they were, as the hours do.
FEWEST_TOKENS, MOST_TOKENS = 20, 200
#: Places on a side that are around one whose target is predicted: those that two layers of small
#: kernels see.
AROUND = 5
#: Standard deviations at which a feature ends: one value far out would be all that is seen.
FARTHEST = 5.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """How well targets are predicted without a model.

    Attributes:
        skills: 1 - squared error / that of the best constant, by the rows between a row's inputs
            and the targets that are predicted from them; 0 is the pairing as it is given. Of
            classes it is that of their shares (Brier 1950).
        by: which predictor is best at shift 0, in words.
        rows: rows that were looked at.
        tells: True where no skill means that a table of numbers, or what is around a place, says
            nothing about the targets; False where inputs are pictures, sequences or tokens whose
            rows have one target.
        places: True where the targets of places were predicted from what is around them.
        lagged: the shifts at which a column of the inputs is the targets themselves.
        overlap: by how many rows a row may lie from another that holds a part of it, as windows do
            of which each begins one row after the one before; 0 where rows stand for themselves.
    """

    skills: Mapping[int, float]
    by: str
    rows: int
    tells: bool
    places: bool = False
    lagged: frozenset[int] = frozenset()
    overlap: int = 0

    @property
    def skill(self) -> float:
        """Of the rows as they are paired."""
        return self.skills[0]

    @property
    def some(self) -> bool:
        """True where the inputs say something about the targets of their rows."""
        return self.skill > SOME

    @property
    def none(self) -> bool:
        """True where a table of numbers says nothing about them."""
        return self.tells and not self.some

    @property
    def shift(self) -> int:
        """By how many rows the targets lie behind their inputs; 0 where they do not, or not surely.

        Where a column holds the targets of other rows, as the last value of a series that is to be
        forecast, a better shift is no mistake. Windows that overlap tell the targets of all their
        rows alike: they belong to the last one, and only targets from before are a mistake, while
        those from after a window are a forecast of it.
        """
        ranked = sorted(self.skills, key=lambda shift: -self.skills[shift])
        best = self.skills[ranked[0]]
        alike = [s for s in ranked if 0 <= s - ranked[0] <= self.overlap]
        first = max(s for s in alike if self.skills[s] > best - SOME)
        others = [s for s in ranked if abs(s - first) > self.overlap]
        alone = not others or self.skills[others[0]] < ALONE * best
        if best < CLEAR or not alone or self.some or self.lagged:
            return 0
        return first if first > 0 or not self.overlap else 0


def read_signal(inputs: Sequence[Array], targets: Array, task: str | None = None) -> Signal | None:
    """Predicts targets from inputs without a model.

    Args:
        inputs: arrays with the rows first, in their order; of several epochs one is looked at.
        targets: of the same rows.
        task: "classes" or "values" where the loss says which; else it is told from the numbers.

    Returns:
        None where there are too few rows, or where inputs or targets are no numbers.
    """
    once = _period([*inputs, targets])
    inputs, targets = [array[:once] for array in inputs], targets[:once]
    count = len(targets)
    numbers = all(array.dtype.kind in "biuf" for array in (*inputs, targets))
    if not inputs or not numbers or count < FEWEST_ROWS + 2 * FEWEST_SHIFTS:
        return None
    rng = np.random.default_rng(0)
    most = min(max((count - FEWEST_ROWS) // ROWS_OF_A_SHIFT, FEWEST_SHIFTS), MOST_SHIFT)
    places = _of_rare_ones(np.arange(most, count - most), targets, task, rng)
    if len(places) > MOST_ROWS:
        places = np.sort(rng.choice(places, MOST_ROWS, replace=False))
    features = features_of([array[places] for array in inputs])
    encoded = _encoded(targets, task, rng)
    if features is None or encoded is None:
        return None
    shifts = sorted(range(-most, most + 1), key=abs)
    paired = {shift: encoded[places + shift] for shift in shifts}
    linear = _linear(features, paired)
    near = _near(features, paired)
    placed = _by_place([array[places] for array in inputs], targets[places])
    skills = {shift: max(linear[shift], near[shift], 0.0) for shift in shifts}
    if placed is not None:
        skills[0] = max(skills[0], placed)
    return Signal(
        skills=skills,
        by="a linear fit" if linear[0] >= near[0] else "nearest neighbours",
        rows=len(places),
        tells=placed is not None
        or all(array.ndim <= 2 and not _are_tokens(array) for array in inputs),
        places=placed is not None,
        lagged=frozenset(_lagged(inputs, targets, places, shifts)),
        overlap=max(map(_overlap, inputs)),
    )


def _of_rare_ones(
    places: Array, targets: Array, task: str | None, rng: np.random.Generator
) -> Array:
    """The rows without most of those of frequent classes, where another one is rare.

    Of three rows in a hundred hardly any share of the squares is explained, whatever tells them.
    """
    known = class_labels(targets, task_of(targets, task))
    if known is None:
        return places
    labels = known[1][places]
    sizes = np.bincount(labels)
    most = TIMES_THE_RAREST * int(sizes[sizes > 0].min())
    if not (sizes > most).any() or np.minimum(sizes, most).sum() < FEWEST_ROWS:
        return places
    picked = [
        rng.permutation(np.flatnonzero(labels == label))[:most] for label in np.flatnonzero(sizes)
    ]
    kept: Array = places[np.sort(np.concatenate(picked))]
    return kept


def _period(arrays: Sequence[Array]) -> int:
    """The rows after which all of them come again; their number where they do not.

    A source that was read for several epochs repeats them: neighbours would know their answers.
    """
    count = len(arrays[0])
    first = np.ones(count, dtype=bool)
    for array in arrays if count else ():
        first &= (array == array[:1]).reshape(count, -1).all(axis=1)
    for period in np.flatnonzero(first)[1 : MOST_PERIODS + 1]:
        if all(np.array_equal(array[period:], array[:-period]) for array in arrays):
            return int(period)
    return count


def _overlap(array: Array) -> int:
    """By how many rows those lie apart, at most, of which one holds columns of the other."""
    flat = as_table(array)[:, :MOST_COLUMNS]
    # Flags of the hour follow each other in the same way, and are no windows.
    held = [column for column in flat.T if len(np.unique(column)) > FEWEST_TOKENS]
    reach = 0
    for far in range(1, MOST_SHIFT + 1):
        later = {column[far:].tobytes() for column in held}
        if any(column[:-far].tobytes() in later for column in held):
            reach = far
    return reach


def features_of(inputs: Sequence[Array]) -> Array | None:
    """What predictors read: scaled columns, and what often matters of them; None for none.

    Args:
        inputs: arrays of numbers with the rows first.
    """
    rng = np.random.default_rng(0)
    parts = [part for array in inputs for part in _of_array(array)]
    for first, second in itertools.combinations(inputs, 2):
        if first.shape == second.shape and first.dtype.kind == second.dtype.kind:
            parts += _of_pair(as_table(first).astype(float), as_table(second).astype(float))
    scaled = np.concatenate([_scaled(part, rng) for part in parts], axis=1)
    if not scaled.shape[1]:
        return None
    if scaled.shape[1] <= MOST_MULTIPLIED:
        pairs = itertools.combinations_with_replacement(range(scaled.shape[1]), 2)
        products = np.stack([scaled[:, i] * scaled[:, j] for i, j in pairs], axis=1)
        # Beside the columns themselves, which neighbours go by.
        return np.concatenate([scaled, _scaled(products, rng) / MOST_MULTIPLIED], axis=1)
    return scaled


def _of_array(array: Array) -> list[Array]:
    """An array as columns; of pictures, sequences and tokens also their means and counts."""
    parts = [as_table(_pooled(array)).astype(np.float64)]
    if _are_tokens(array):
        values, counts = np.unique(array, return_counts=True)
        common = values[np.argsort(-counts, kind="stable")[:MOST_TOKENS]]
        flat = as_table(array)
        parts.append(np.stack([(flat == value).sum(axis=1) for value in common], axis=1))
    elif array.ndim > 2:
        axes = tuple(range(1, array.ndim - 1))
        held = array.astype(np.float32, copy=False)
        steps = np.abs(np.diff(held, axis=1))
        parts += [held.mean(axis=axes), held.std(axis=axes), held.max(axis=axes)]
        parts.append(steps.mean(axis=axes))
    return [part.reshape(len(array), -1) for part in parts]


def _pooled(array: Array) -> Array:
    """Pictures as the means of so many patches a side; others as they are."""
    if array.ndim != 4 or min(array.shape[1:3]) < 2 * PATCHES:
        return array
    high, wide = (size // PATCHES for size in array.shape[1:3])
    cut = array[:, : high * PATCHES, : wide * PATCHES].astype(np.float32)
    shape = (len(array), PATCHES, high, PATCHES, wide, array.shape[3])
    pooled: Array = cut.reshape(shape).mean(axis=(2, 4))
    return pooled


def _of_pair(first: Array, second: Array) -> list[Array]:
    """How two inputs of one kind differ, as what compares them has to see it."""
    away = first - second
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return [np.linalg.norm(away, axis=1)[:, None], np.abs(away), cosine[:, None]]


def _are_tokens(array: Array) -> bool:
    """True for whole numbers over a large range in rows of several: words, not amounts."""
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] < 2 or not array.size:
        return False
    return array.min() >= 0 and len(np.unique(array)) > FEWEST_TOKENS


def _scaled(table: Array, rng: np.random.Generator) -> Array:
    """Columns to mean 0 and standard deviation 1, without those that do not vary."""
    finite = np.isfinite(table)
    held = np.where(finite, table, np.nan)
    empty = ~finite.any(axis=0)
    held[:, empty] = 0.0
    held = np.where(np.isfinite(held), held, np.nanmean(held, axis=0))
    spread = held.std(axis=0)
    kept = spread > 1e-12 * np.maximum(np.abs(held).max(axis=0), 1e-300)
    scaled = (held[:, kept] - held[:, kept].mean(axis=0)) / spread[kept]
    if scaled.shape[1] > MOST_COLUMNS:
        mix = rng.normal(size=(scaled.shape[1], MOST_COLUMNS)) / np.sqrt(MOST_COLUMNS)
        scaled = scaled @ mix
    clipped: Array = np.clip(scaled, -FARTHEST, FARTHEST)
    return clipped


def _encoded(targets: Array, task: str | None, rng: np.random.Generator) -> Array | None:
    """Targets as columns to be predicted: one a class, or scaled amounts."""
    found = task_of(targets, task)
    known = class_labels(targets, found)
    if known is not None:
        labels = known[1]
        if found == "one-hot":
            table = as_table(targets).astype(np.float64)
        else:
            kept = np.argsort(-np.bincount(labels), kind="stable")[:MOST_TARGETS]
            table = (labels[:, None] == kept).astype(np.float64)
    else:
        table = as_table(targets).astype(np.float64)
    scaled = table if known is not None else _scaled(table, rng)
    if not scaled.shape[1] or not np.isfinite(scaled).all() or not scaled.std(axis=0).any():
        return None
    if scaled.shape[1] > MOST_TARGETS:
        scaled = scaled @ (rng.normal(size=(scaled.shape[1], MOST_TARGETS)) / 4.0)
    return scaled


def _parts(rows: int) -> list[tuple[Array, Array]]:
    """(rows to learn from, rows to predict) for each part."""
    cut = np.array_split(np.random.default_rng(0).permutation(rows), PARTS)
    return [
        (np.concatenate([part for i, part in enumerate(cut) if i != held]), cut[held])
        for held in range(PARTS)
    ]


def _linear(features: Array, paired: Mapping[int, Array]) -> dict[int, float]:
    """The skill of a ridge regression by shift, at the best of some strengths."""
    errors = {shift: np.zeros(len(RIDGES)) for shift in paired}
    constant = dict.fromkeys(paired, 0.0)
    for learnt, held in _parts(len(features)):
        mean = features[learnt].mean(axis=0)
        known, asked = features[learnt] - mean, features[held] - mean
        middles = {shift: targets[learnt].mean(axis=0) for shift, targets in paired.items()}
        # All shifts are solved at once: the features are the same.
        away = np.concatenate([y[learnt] - middles[k] for k, y in paired.items()], axis=1)
        truth = np.concatenate([y[held] - middles[k] for k, y in paired.items()], axis=1)
        gram, share = known.T @ known, known.T @ away
        scale = np.square(known).mean() * len(known)
        for place, ridge in enumerate(RIDGES):
            fit = np.linalg.solve(gram + ridge * scale * np.eye(len(gram)), share)
            squares = np.square(truth - asked @ fit).sum(axis=0)
            for shift, of_shift in zip(paired, np.split(squares, len(paired)), strict=True):
                errors[shift][place] += of_shift.sum()
        for shift, of_shift in zip(paired, np.split(truth, len(paired), axis=1), strict=True):
            constant[shift] += float(np.square(of_shift).sum())
    return {shift: _skill(errors[shift], constant[shift]) for shift in paired}


def _near(features: Array, paired: Mapping[int, Array]) -> dict[int, float]:
    """The skill of the mean of the nearest neighbours by shift, at the best of some numbers."""
    errors = {shift: np.zeros(len(NEIGHBOURS)) for shift in paired}
    constant = dict.fromkeys(paired, 0.0)
    for learnt, held in _parts(len(features)):
        known, asked = features[learnt], features[held]
        square = np.square(known).sum(axis=1) - 2.0 * (asked @ known.T)
        nearest = np.argsort(square, axis=1)[:, : max(NEIGHBOURS)]
        for shift, targets in paired.items():
            middle = targets[learnt].mean(axis=0)
            truth = targets[held] - middle
            constant[shift] += float(np.square(truth).sum())
            of_near = targets[learnt][nearest] - middle
            for place, count in enumerate(NEIGHBOURS):
                given = of_near[:, :count].mean(axis=1)
                errors[shift][place] += np.square(truth - given).sum()
    return {shift: _skill(errors[shift], constant[shift]) for shift in paired}


def _by_place(inputs: Sequence[Array], targets: Array) -> float | None:
    """The skill for every place of the targets from what is around it in the inputs.

    Over what the place has in the mean of all rows, which is no skill; None where targets have no
    places, or no input has the same ones.
    """
    flat = targets[..., None] if inputs[0].ndim == targets.ndim + 1 else targets
    sizes = flat.shape[1:-1]
    alike = [array for array in inputs if array.ndim > 2 and array.shape[1:-1] == sizes]
    if not sizes or not alike or min(sizes) < AROUND or flat.shape[-1] > MOST_TARGETS:
        return None
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(flat), min(len(flat), MOST_ROWS), replace=False))
    where = tuple(rng.integers(0, size, len(rows)) for size in sizes)
    away = flat.astype(np.float64) - flat.mean(axis=0, dtype=np.float64)
    around = [_around(array[rows], where) for array in alike]
    features = _scaled(np.concatenate(around, axis=1), rng)
    paired = {0: away[(rows, *where)]}
    if not features.shape[1] or not np.isfinite(paired[0]).all() or not paired[0].any():
        return None
    return max(_linear(features, paired)[0], _near(features, paired)[0], 0.0)


def _around(array: Array, where: tuple[Array, ...]) -> Array:
    """What is around one place of each row, and the mean and the deviation of the whole row."""
    reach = AROUND // 2
    wide = np.pad(array, [(0, 0), *[(reach, reach)] * len(where), (0, 0)], mode="edge")
    rows = np.arange(len(array))
    steps = itertools.product(range(AROUND), repeat=len(where))
    near = [wide[(rows, *(w + s for w, s in zip(where, step, strict=True)))] for step in steps]
    axes = tuple(range(1, array.ndim - 1))
    whole = [array.mean(axis=axes), array.std(axis=axes)]
    table: Array = np.concatenate([*near, *whole], axis=1).astype(np.float64)
    return table


def _skill(errors: Array, constant: float) -> float:
    return 1.0 - float(errors.min()) / constant if constant > 0 else 0.0


def _lagged(
    inputs: Sequence[Array], targets: Array, places: Array, shifts: Sequence[int]
) -> list[int]:
    """The shifts at which some column of the inputs is a column of the targets."""
    columns = np.concatenate([as_table(array[places]).astype(float) for array in inputs], axis=1)
    table = as_table(targets).astype(float)
    if table.shape[1] > MOST_TARGETS or not np.isfinite(columns).all():
        return []
    spread = columns.std(axis=0)
    standard = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = []
    for shift in shifts:
        moved = table[places + shift]
        wide = moved.std(axis=0)
        scores = (moved - moved.mean(axis=0)) / np.where(wide > 0, wide, 1.0)
        if shift and np.abs(standard.T @ scores / len(places)).max(initial=0.0) > SAME:
            found.append(shift)
    return found
