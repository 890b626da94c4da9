"""Features on other scales: standardised columns, images to [0, 1], zeros that stay zeros."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.core.numbers import listed
from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = [
    "divided",
    "divided_columns",
    "filled",
    "in_deviations",
    "standardised",
    "standardised_columns",
]

Array = np.ndarray[Any, Any]

#: Largest value of an image of bytes.
BYTE = 255.0
#: From this share of zeros on a zero says that there is nothing, as between two atoms without a
#: bond: less the mean it would say something.
MOSTLY_ZERO = 0.5
#: What keeps the deviation of a constant column from being 0 in code to paste.
TINY = 1e-9


def standardised(
    where: tuple[str, ...],
    columns: Mapping[str, Collection[int]],
    *,
    data: ArrayData | None = None,
    in_model: bool = True,
) -> Intervention:
    """Continuous columns to mean 0 and standard deviation 1, arrays of images to [0, 1].

    The columns of an array of mostly zeros are divided by the root mean square of the others.

    Targets that are the inputs, as of an autoencoder, are changed alike: the model is to give them
    back.

    Args:
        where: names of the columns concerned, for the report.
        columns: numbers of the columns to change by the name of their array; an empty collection
            for an array of images.
        data: the rows, for the code to paste.
        in_model: True where a layer in front of the model's own can do it.
    """
    images = any(not picked for picked in columns.values())
    arrays = dict(batch_leaves(data.arrays)) if data is not None else {}
    copied = len(columns) == 1 and targets_are_inputs(arrays.items())
    if copied:
        columns = {**columns, "y": next(iter(columns.values()))}
    first_layer = in_model and not copied
    change = "images to [0, 1]" if images else "features standardised"
    if not images and all(_is_sparse(arrays.get(name), columns[name]) for name in columns):
        change = "features divided by their size, zeros kept"
    return Intervention(
        code="unscaled-features",
        change=change,
        fix=_code(columns, arrays, first_layer, data is not None and data.from_source),
        where=where,
        data=lambda rows: _changed(rows, columns),
        loss_factor=None if copied else 1.0,
        redefines_loss=copied,
    )


def filled(
    where: tuple[str, ...],
    marks: Mapping[str, Mapping[int, float]],
    columns: Mapping[str, Collection[int]],
    *,
    data: ArrayData,
    fault: str,
) -> Intervention:
    """Marks for "no value" replaced by the median of the other rows, and the columns standardised.

    Args:
        where: names of the columns that hold marks, for the report.
        marks: the mark of each of them, by its number and by the name of its array.
        columns: numbers of the columns to standardise by the name of their array.
        data: the rows, for the code to paste.
        fault: what was seen.
    """
    arrays = dict(batch_leaves(data.arrays))

    def of_arrays(name: str, array: Any) -> Any:
        return _filled(array, marks[name]) if name in marks else array

    lines = [_filled_by_numpy(name, arrays[name], found) for name, found in marks.items()]
    return Intervention(
        code="unscaled-features",
        change="marks replaced by the median, features standardised",
        fix="\n".join([*lines, _code(columns, arrays, False, data.from_source)]),
        where=where,
        fault=fault,
        data=lambda rows: _changed(rows.with_arrays(map_named(rows.arrays, of_arrays)), columns),
    )


def _filled(array: Array, marks: Mapping[int, float]) -> Array:
    changed: Array = array.astype(np.float64)
    flat = changed.reshape(-1, changed.shape[-1]) if changed.ndim > 1 else changed[:, None]
    for column, mark in marks.items():
        held = flat[:, column]
        held[held == mark] = np.median(held[np.isfinite(held) & (held != mark)])
    return changed


def _filled_by_numpy(name: str, array: Array, marks: Mapping[int, float]) -> str:
    """The same as code: by the mark where it is a number to type, else by the end that it is."""
    axes = "axis=0" if array.ndim <= 2 else f"axis={tuple(range(array.ndim - 1))}"
    lines = [f'{name} = {name}.astype("float64")']
    flat = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array[:, None]
    values = set(marks.values())
    if len(values) == 1 and all(float(f"{value:g}") == value for value in values):
        lines.append(f"{name} = np.where({name} == {next(iter(values)):g}, np.nan, {name})")
    else:
        for end, reach in (("min", flat.min(axis=0)), ("max", flat.max(axis=0))):
            picked = [column for column, mark in marks.items() if reach[column] == mark]
            part = name if len(picked) == flat.shape[1] else f"{name}[..., {picked}]"
            if picked:
                lines.append(f"{part} = np.where({part} == {part}.{end}({axes}), np.nan, {part})")
    lines.append(f"{name} = np.where(np.isnan({name}), np.nanmedian({name}, {axes}), {name})")
    return "\n".join(lines)


def divided(largest: Mapping[str, float]) -> Intervention:
    """Arrays divided by their largest values, zero left at zero, as the edges of a graph are.

    Args:
        largest: the absolute value of each array's largest number, by its name.
    """
    ends = [f"{name} goes up to {value:g}" for name, value in largest.items()]
    return _over(largest, f"{listed(tuple(ends))}, and multiplies what layers are fed with")


def in_deviations(arrays: Mapping[str, Any], *, above: float) -> Intervention | None:
    """Arrays divided by their standard deviations, zero left at zero, as a time is in other units.

    Args:
        arrays: those that no layer is fed with, by their names.
        above: the deviation from which on one is divided.

    Returns:
        None where no deviation is as large.
    """
    numbers = {name: x[np.isfinite(x)] for name, x in arrays.items() if x.dtype.kind == "f"}
    deviations = {name: float(f"{x.std():.3g}") for name, x in numbers.items() if x.size}
    large = {name: value for name, value in deviations.items() if value > above}
    if not large:
        return None
    spreads = [f"{name} has a standard deviation of {value:g}" for name, value in large.items()]
    return _over(large, f"{listed(tuple(spreads))}, and no layer is fed with it")


def _over(numbers: Mapping[str, float], fault: str) -> Intervention:
    """Arrays divided by a number each."""

    def of_arrays(name: str, array: Any) -> Any:
        return array / array.dtype.type(numbers[name]) if name in numbers else array

    named = [f"{name} / {value:g}" for name, value in numbers.items()]
    return Intervention(
        code="unscaled-features",
        change=listed(tuple(named)),
        fix="\n".join(f"{name} = {name} / {value:g}" for name, value in numbers.items()),
        where=tuple(numbers),
        fault=fault,
        data=lambda rows: rows.with_arrays(map_named(rows.arrays, of_arrays)),
    )


def _code(
    columns: Mapping[str, Collection[int]],
    arrays: Mapping[str, Any],
    first_layer: bool,
    from_source: bool,
) -> str:
    """A layer where one in front of the model does it; else the same by NumPy."""
    names = [name for name in columns if name != "y"]
    array = arrays.get("x")
    picked = columns.get("x", ())
    whole = array is None or (array.ndim > 1 and len(picked) in (0, array.shape[-1]))
    if names == ["x"] and first_layer and whole and not _is_sparse(array, picked):
        if not picked:
            return "keras.layers.Rescaling(1 / 255)  # as the first layer"
        adapted = "dataset.map(lambda x, *_: x)" if from_source else "x"
        return f"norm = keras.layers.Normalization(); norm.adapt({adapted})  # as the first layer"
    lines = [_by_numpy(name, arrays.get(name), sorted(columns[name])) for name in names]
    if from_source:  # nothing turns these into the numbers that variables have, as `fit` does
        of_bytes = [name for name in names if not columns[name]]
        lines = [
            line if name in of_bytes else f'{line}; {name} = {name}.astype("float32")'
            for name, line in zip(names, lines, strict=True)
        ]
    return "\n".join([*lines, *(["y = x"] if "y" in columns and names == ["x"] else [])])


def _by_numpy(name: str, array: Any, picked: list[int]) -> str:
    if not picked:
        return f"{name} = {name} / {BYTE:g}"
    # Sums of float32 lose the digits in which columns far from zero differ.
    begin = f'{name} = {name}.astype("float64"); '
    axes = "axis=0" if array is None or array.ndim <= 2 else f"axis={tuple(range(array.ndim - 1))}"
    part = name
    if array is not None and array.ndim > 1 and len(picked) < array.shape[-1]:
        part = f"{name}[..., {picked}]"
    if _is_sparse(array, picked):
        number = f"np.maximum(({part} != 0).sum({axes}), 1)"
        size = f"np.sqrt(({part} ** 2).sum({axes}) / {number}) + {TINY:g}"
        return f"{begin}{part} = {part} / ({size})"
    spread = f"{part}.std({axes})"
    if _has_constant(array, picked):
        spread = f"({spread} + {TINY:g})"
    return f"{begin}{part} = ({part} - {part}.mean({axes})) / {spread}"


def _is_sparse(array: Any, picked: Collection[int]) -> bool:
    """Whether most values of some columns are 0."""
    if array is None or not picked or array.dtype.kind not in "fiu":
        return False
    part = array[..., sorted(picked)] if array.ndim > 1 else array
    return bool((part == 0).mean() > MOSTLY_ZERO)


def _has_constant(array: Any, picked: list[int]) -> bool:
    if array is None:
        return False
    flat = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array[:, None]
    return bool((flat[:, picked] == flat[:1, picked]).all(axis=0).any())


def _changed(data: ArrayData, columns: Mapping[str, Collection[int]]) -> ArrayData:
    def change(name: str, array: Any) -> Any:
        if name not in columns:
            return array
        picked = sorted(columns[name])
        if not picked:
            return (array / BYTE).astype(array.dtype if array.dtype.kind == "f" else np.float32)
        change = divided_columns if _is_sparse(array, picked) else standardised_columns
        return change(array, picked)

    return data.with_arrays(map_named(data.arrays, change))


def standardised_columns(array: Array, picked: list[int]) -> Array:
    """Some columns (of the last axis) standardised in float64, over rows and other axes."""

    def change(part: Array) -> Array:
        mean, spread = np.nanmean(part, axis=0), np.nanstd(part, axis=0)
        changed: Array = (part - mean) / np.where(spread > 0, spread, 1.0)
        return changed

    return _columns_changed(array, picked, change)


def divided_columns(array: Array, picked: list[int]) -> Array:
    """Some columns divided by the root mean square of their values other than 0."""

    def change(part: Array) -> Array:
        count = np.maximum((np.nan_to_num(part) != 0).sum(axis=0), 1)
        size = np.sqrt(np.nansum(part**2, axis=0) / count)
        changed: Array = part / np.where(size > 0, size, 1.0)
        return changed

    return _columns_changed(array, picked, change)


def _columns_changed(array: Array, picked: list[int], change: Callable[[Array], Array]) -> Array:
    changed: Array = array.astype(np.float64)
    flat = changed.reshape(-1, changed.shape[-1]) if changed.ndim > 1 else changed[:, None]
    part = flat[:, picked]
    good = np.where(np.isfinite(part), part, np.nan)
    flat[:, picked] = np.where(np.isfinite(part), change(good), part)
    kept = array.dtype if array.dtype.kind == "f" else np.float32
    result: Array = flat.reshape(array.shape).astype(kept)
    return result
