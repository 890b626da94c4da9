"""Rows in another order, or some of them left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.windows import rows_ahead
from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = [
    "exchanged",
    "finite_in_dataset",
    "paired",
    "random_half",
    "realigned",
    "shuffled",
    "stretch",
    "unusable_columns",
    "windows_realigned",
    "without_nonfinite",
    "without_unusable_columns",
]

#: A column that is not finite in more than this share of the rows is left out rather than the rows.
MOST_BAD_ROWS = 0.5
#: What is handed over with a row each, as users call it.
PARTS = ("x", "y", "sample_weight")


def shuffled(seed: int, from_dataset: bool, sizes: tuple[int, int] | None = None) -> Intervention:
    """The same rows in random order over all batches.

    Args:
        seed: of the order.
        from_dataset: True for rows of a dataset, which shuffles by a buffer.
        sizes: its rows, all of which the buffer has to hold, and the rows of a batch, for the code.
    """
    count, batch_size = sizes or ("number_of_rows", "batch_size")
    fix = (
        f"dataset = dataset.unbatch().shuffle({count}).batch({batch_size})"
        if from_dataset
        else "converge.fit(model, x, y, shuffle=True)"
    )
    return Intervention(
        code="unshuffled-data",
        change="rows shuffled",
        fix=fix,
        data=lambda data: data.shuffled_rows(seed),
    )


def without_nonfinite(where: tuple[str, ...], arrays: Iterable[str] = ("x", "y")) -> Intervention:
    """The rows that hold a NaN or an infinity left out.

    Args:
        where: the columns that hold them, by name.
        arrays: the names of all arrays, whose rows go together.
    """

    def change(data: ArrayData) -> ArrayData:
        bad = np.zeros(data.rows, dtype=bool)
        for _, array in batch_leaves(data.arrays):
            if array.dtype.kind == "f":
                bad |= ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        return data.without_rows(np.flatnonzero(bad))

    return Intervention(
        code="nonfinite-data",
        change="rows that are not finite left out",
        fix=_kept(where, list(arrays)),
        where=where,
        data=change,
    )


def finite_in_dataset(
    change: Intervention, arrays: Sequence[str], held: str, batch_size: int
) -> Intervention:
    """The same for the rows of a `tf.data.Dataset`, which are left out by a filter.

    Args:
        change: that leaves rows out which are not finite.
        arrays: the names of all arrays; what is more than `PARTS` has no such line.
        held: what the call is given the dataset by.
        batch_size: rows of a batch.
    """
    if not set(arrays) <= set(PARTS):
        return change
    bad = [name for name in arrays if any(place.startswith(name) for place in change.where)]
    finite = [f"tf.reduce_all(tf.math.is_finite({name}))" for name in bad or arrays[:1]]
    keeps = f"lambda {', '.join(arrays)}: {' & '.join(finite)}"
    fix = f"{held} = {held}.unbatch().filter({keeps}).batch({batch_size})"
    return dataclasses.replace(change, fix=fix)


def _kept(where: tuple[str, ...], arrays: Sequence[str]) -> str:
    """The code that keeps the rows that are finite in the arrays concerned."""
    bad = [name for name in arrays if any(place.startswith(name) for place in where)] or arrays[:1]
    good = " & ".join(f"np.isfinite({n}.reshape(len({n}), -1)).all(axis=1)" for n in bad)
    parts = [name for name in PARTS if any(array.startswith(name) for array in arrays)]
    given = ", ".join(parts)
    if set(arrays) <= set(PARTS):
        return f"keep = {good}; {given} = {', '.join(f'{part}[keep]' for part in parts)}"
    every = f"({given},)" if len(parts) == 1 else f"({given})"
    kept = f"keras.tree.map_structure(lambda array: array[keep], {every})"
    return f"keep = {good}\n{given}{',' * (len(parts) == 1)} = {kept}"


def unusable_columns(data: ArrayData) -> dict[str, list[int]]:
    """The columns (of the last axis) of inputs that are not finite in most rows, by array."""
    found = {name: _unusable(a) for name, a in batch_leaves(data.arrays) if name[0] not in "ys"}
    return {name: columns for name, columns in found.items() if columns}


def without_unusable_columns(
    where: tuple[str, ...],
    columns: Mapping[str, Sequence[int]],
    arrays: Iterable[str] = ("x", "y"),
) -> Intervention:
    """Columns that are not finite in most rows set to 0, and other rows with such values left out.

    Args:
        where: names of all columns with values that are not finite.
        columns: numbers of the columns by the name of their array.
        arrays: the names of all arrays.
    """
    rest = without_nonfinite(where, arrays)
    zeroed = "\n".join(
        f"{n} = np.where(np.isfinite({n}).mean(axis=0) >= {1 - MOST_BAD_ROWS:g}, {n}, 0.0)"
        for n in columns
    )

    def of_columns(name: str, array: Any) -> Any:
        if name not in columns:
            return array
        changed = array.copy()
        changed[..., list(columns[name])] = 0.0
        return changed

    def change(data: ArrayData) -> ArrayData:
        kept = data.with_arrays(map_named(data.arrays, of_columns))
        return kept if rest.data is None else rest.data(kept)

    return Intervention(
        code="nonfinite-data",
        change="columns that are not finite left out",
        fix=f"{zeroed}\n{rest.fix}",
        where=where,
        data=change,
    )


def _unusable(array: Any) -> list[int]:
    if array.dtype.kind != "f" or array.ndim < 2 or not array.size:
        return []
    bad = ~np.isfinite(array).reshape(len(array), -1, array.shape[-1])
    return [int(n) for n in np.flatnonzero(bad.any(axis=1).mean(axis=0) > MOST_BAD_ROWS)]


def stretch(begin: int, end: int, code: str, change: str) -> Intervention:
    """Only the rows from `begin` up to `end`, for telling where a training fails."""

    def data(rows: ArrayData) -> ArrayData:
        return rows.without_rows(np.r_[0:begin, end : rows.rows])

    return Intervention(code=code, change=change, data=data)


def realigned(shift: int, arrays: Iterable[str] = ("x", "y")) -> Intervention:
    """Each row's inputs beside the targets that lie so many rows further on; none at the ends.

    Args:
        shift: the rows from the inputs to their targets; negative where the targets come first.
        arrays: the names of all arrays, for the line.
    """

    def data(rows: ArrayData) -> ArrayData:
        def moved(name: str, array: Any) -> Any:
            return np.roll(array, -shift, axis=0) if name[0] in "ys" else array

        ends = np.arange(rows.rows)[-shift:] if shift > 0 else np.arange(-shift)
        return rows.with_arrays(map_named(rows.arrays, moved)).without_rows(ends)

    far = abs(shift)
    ends_left = (f"[:-{far}]", f"[{far}:]") if shift > 0 else (f"[{far}:]", f"[:-{far}]")
    names = list(arrays)
    x, y = (_cut(part, end, names) for part, end in zip("xy", ends_left, strict=True))
    many = "one row" if far == 1 else f"{far} rows"
    return Intervention(
        code="labels-unrelated",
        change=f"targets moved {'up' if shift > 0 else 'down'} by {many}",
        fix=f"x, y = {x}, {y}",
        where=("y",),
        data=data,
        redefines_loss=True,
    )


def windows_realigned(name: str, shift: int) -> Intervention:
    """The targets of shuffled windows replaced by those of the windows so many steps later.

    Args:
        name: of the inputs that are windows.
        shift: the steps between the two.
    """

    def data(rows: ArrayData) -> ArrayData:
        ahead = rows_ahead(np.asarray(dict(batch_leaves(rows.arrays))[name]), shift)

        def moved(part: str, array: Any) -> Any:
            return array[ahead] if part[0] in "ys" else array

        return rows.with_arrays(map_named(rows.arrays, moved)).without_rows(
            np.flatnonzero(ahead < 0)
        )

    steps = "one step" if shift == 1 else f"{shift} steps"
    return Intervention(
        code="labels-unrelated",
        change=f"to each window the target of the one that begins {steps} later",
        fix=f"targets = targets[{shift}:]  # of the series, before it is cut into windows",
        where=("y",),
        fault=f"the targets belong to windows that begin {steps} earlier",
        data=data,
        redefines_loss=True,
    )


def exchanged(
    first: str,
    second: str,
    code: str = "labels-unrelated",
    fault: str = "two outputs of one shape are trained on the targets of each other",
) -> Intervention:
    """Two arrays of targets, or of weights, by their names, each in the place of the other.

    Args:
        first: the name of one.
        second: that of the other.
        code: the cause that is proven where it passes.
        fault: what is wrong then.
    """

    def data(rows: ArrayData) -> ArrayData:
        leaves = dict(batch_leaves(rows.arrays))
        other = {first: leaves[second], second: leaves[first]}
        return rows.with_arrays(map_named(rows.arrays, other.get))

    return Intervention(
        code=code,
        change=f"{first} and {second} exchanged",
        fix=f"{first}, {second} = {second}, {first}",
        where=(first, second),
        fault=fault,
        data=data,
        redefines_loss=True,
    )


def _cut(part: str, rows: str, arrays: Sequence[str]) -> str:
    """The code of some rows of all inputs, or of all targets, by the names of their arrays."""
    if part in arrays:
        return f"{part}{rows}"
    if any(name.startswith(f"{part}['") for name in arrays):
        return f"{{name: each{rows} for name, each in {part}.items()}}"
    return f"[each{rows} for each in {part}]"


def paired(sizes: tuple[int, int]) -> Intervention:
    """Inputs beside their own targets, where a dataset shuffles both apart; in random order.

    Args:
        sizes: rows of an epoch and rows of a batch, for the code.

    Raises:
        ValueError: the source has no rows in an order of its own.
    """

    def data(rows: ArrayData) -> ArrayData:
        in_order = rows.in_source_order()
        if in_order is None:
            raise ValueError("the source cannot be read without its shuffles")
        return in_order.shuffled_rows(0)

    count, batch_size = sizes
    return Intervention(
        code="labels-unrelated",
        change="features and targets shuffled together",
        fix=f"dataset = tf.data.Dataset.zip((x, y)).shuffle({count}).batch({batch_size})",
        where=("y",),
        data=data,
        redefines_loss=True,
    )


def random_half(seed: int, code: str, *, other: bool = False) -> Intervention:
    """Half of the rows, drawn at random: what fewer rows alone make easier.

    Args:
        seed: of the draw.
        code: the cause in question.
        other: True for the rows that the same draw leaves out otherwise.
    """

    def data(rows: ArrayData) -> ArrayData:
        drawn = np.random.default_rng(seed).permutation(rows.epoch_rows)
        middle = rows.epoch_rows // 2
        half = drawn[middle:] if other else drawn[:middle]
        # The rows of later epochs are those of the first, as far as anybody knows.
        epochs = range(0, rows.rows, rows.epoch_rows)
        left_out = np.concatenate([half + first for first in epochs])
        left_out = left_out[left_out < rows.rows]
        return rows.without_rows(np.sort(left_out))

    return Intervention(code=code, change=f"a random half of the rows (draw {seed})", data=data)
