"""Arrays as users hand them over: converted, named, measured and searched for bad values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.record import NonFinite
from pytest_converge.training.data.batches import Array

__all__ = [
    "as_array",
    "as_arrays",
    "batch_leaves",
    "check_kind",
    "column_names",
    "common_rows",
    "constant_columns",
    "finite_rows",
    "map_named",
    "named",
    "nonfinite",
    "nonfinite_array",
    "weights_of_classes",
]

#: What to do about a value that is no array of numbers or text.
CONVERT = "Convert the data, as by np.asarray(data)."
WITH_ROWS = "arrays whose first axis is the rows"
#: Columns reported one by one; no message has room for more.
MOST_COLUMNS = 20


def as_array(value: Any) -> Any:
    """`value` as a NumPy array; other floats than Keras' float type are cast to it, as by `fit`."""
    if value is None:
        return None
    if isinstance(value, tf.Tensor):
        value = value.numpy()
    elif hasattr(value, "to_numpy"):  # pandas, polars
        value = value.to_numpy()
    array = np.asarray(value)
    floatx = keras.config.floatx()
    if array.dtype.kind == "f" and array.dtype != floatx:
        with np.errstate(over="ignore"):  # the infinity is found and named before the training
            array = array.astype(floatx)
    return array


def as_arrays(structure: Any, name: str) -> Any:
    """Every leaf of a nested structure as an array with rows.

    Raises:
        InvalidTrainingError: a leaf is no array, or has no rows axis, or there is no leaf.
    """
    if structure is not None and not keras.tree.flatten(structure):
        raise invalid(f"{name}={shown(structure)}", WITH_ROWS, CONVERT)
    if isinstance(structure, list) and structure and _is_plain(structure):
        return _checked(structure, name)
    return keras.tree.map_structure(lambda leaf: _checked(leaf, name), structure)


def _is_plain(values: list[Any]) -> bool:
    """True for a list of numbers or of equally long lists of numbers: data, not several inputs."""
    return all(isinstance(v, (int, float, bool, str, np.number)) for v in values) or all(
        isinstance(v, list) and _is_plain(v) for v in values
    )


def _checked(leaf: Any, name: str) -> Any:
    if leaf is None:
        return None
    array = check_kind(name, leaf)
    if array.ndim == 0:
        raise invalid(f"{name}={shown(leaf)}", WITH_ROWS, CONVERT)
    return array


def check_kind(name: str, leaf: Any) -> Array:
    """The leaf of what a user passed as an array of numbers, truth values or text; for every verb.

    Raises:
        InvalidTrainingError: it is of objects, dates, times or records, or cannot be converted.
    """
    expected = "NumPy arrays, tensors, data frames or nested structures of them"
    try:
        array: Array = np.asarray(None) if leaf is None else as_array(leaf)
    except (ValueError, TypeError) as error:
        raise invalid(f"{name} that cannot be converted ({error})", expected, CONVERT) from error
    is_text = array.dtype.kind == "O" and array.size and isinstance(array.flat[0], (str, bytes))
    if isinstance(leaf, (tf.distribute.DistributedDataset, tf.distribute.DistributedIterator)):
        remedy = "Pass the dataset itself: every replica gets its rows of each batch."
        raise invalid(f"{name} that is distributed already", "a dataset", remedy)
    if array.dtype.kind in "OMmV" and not is_text:  # objects, dates, spans of time and records
        raise invalid(f"{name}={shown(leaf)}", expected, CONVERT)
    return array


def named(structure: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a nested structure with names as a user would write them: `x['age']`."""
    if isinstance(structure, Mapping):
        for key, value in structure.items():
            yield from named(value, f"{name}[{key!r}]")
    elif isinstance(structure, (list, tuple)):
        for index, value in enumerate(structure):
            yield from named(value, f"{name}[{index}]")
    elif structure is not None:
        yield name, structure


def map_named(arrays: Any, change: Callable[[str, Any], Any]) -> Any:
    """Arrays of a batch structure changed by a function of their name and value."""
    try:
        parts = keras.utils.unpack_x_y_sample_weight(arrays)
    except ValueError:
        return _map_structure(arrays, "data", change)
    names = ("x", "y", "sample_weight")
    mapped = [_map_structure(part, name, change) for part, name in zip(parts, names, strict=True)]
    return tuple(mapped[: len(arrays)]) if isinstance(arrays, tuple) else mapped[0]


def _map_structure(structure: Any, name: str, change: Callable[[str, Any], Any]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {k: _map_structure(v, f"{name}[{k!r}]", change) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        changed = [_map_structure(v, f"{name}[{i}]", change) for i, v in enumerate(structure)]
        return tuple(changed) if isinstance(structure, tuple) else changed
    return change(name, structure)


def batch_leaves(arrays: Any) -> Iterator[tuple[str, Any]]:
    """The named leaves of a batch as Keras packs it, or of arrays in that form."""
    try:
        parts = keras.utils.unpack_x_y_sample_weight(arrays)
    except ValueError:  # a structure that only the user's own step understands
        yield from named(arrays, "data")
        return
    for structure, name in zip(parts, ("x", "y", "sample_weight"), strict=True):
        yield from named(structure, name)


def common_rows(arrays: Any) -> int:
    """How many rows all arrays have.

    Raises:
        InvalidTrainingError: no rows, or lengths that differ.
    """
    lengths = {name: len(array) for name, array in batch_leaves(arrays)}
    if not lengths:
        remedy = "Pass the inputs as the second argument: converge.fit(model, x, y)."
        raise invalid("no data", "x with at least one row", remedy)
    given = ", ".join(f"{name} of {length} rows" for name, length in lengths.items())
    if len(set(lengths.values())) > 1:
        remedy = "Check how inputs, targets and weights were cut."
        raise invalid(given, "arrays with equally many rows", remedy)
    rows = next(iter(lengths.values()))
    if rows == 0:
        remedy = "Check the path and the filter of the data."
        raise invalid(given, "at least one row", remedy)
    return rows


def weights_of_classes(y: Any, class_weight: Mapping[int, float]) -> Array:
    """Sample weights from class weights: label numbers, one column of them, or one-hot rows.

    Raises:
        InvalidTrainingError: several outputs, no targets, or weights that are no dict of numbers.
    """
    weights = _checked_weights(class_weight)
    labels = None if isinstance(y, (dict, list, tuple)) or y is None else np.asarray(y)
    if labels is None:
        remedy = "Use sample_weight with one array an output."
        raise invalid("class_weight for several or no targets", "one array of targets", remedy)
    if labels.ndim > 1:
        labels = labels.argmax(axis=-1) if labels.shape[-1] != 1 else labels[..., 0]
    with np.errstate(invalid="ignore"):  # a NaN among the labels has a finding of its own
        classes, inverse = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    of_class = [weights.get(int(label), 1.0) for label in classes]
    return np.asarray(of_class, dtype=keras.config.floatx())[inverse.reshape(labels.shape)]


def _checked_weights(class_weight: Mapping[int, float]) -> dict[int, float]:
    try:
        return {operator.index(label): float(weight) for label, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError) as error:
        given = f"class_weight={shown(class_weight)}"
        expected = "a dict of class numbers to weights"
        remedy = "Write, for example, class_weight={0: 1.0, 1: 5.0}."
        raise invalid(given, expected, remedy) from error


def column_names(structure: Any, name: str) -> dict[str, list[str]]:
    """The columns of every data frame in a nested structure, by the name of its array."""
    return {
        leaf_name: [str(column) for column in leaf.columns]
        for leaf_name, leaf in named(structure, name)
        if hasattr(leaf, "columns")
    }


def nonfinite(arrays: Any, columns: Mapping[str, list[str]] | None = None) -> tuple[NonFinite, ...]:
    """The columns of (inputs, targets, sample weights) that hold a NaN or an infinity.

    Args:
        arrays: NumPy arrays in a nested structure.
        columns: names of the columns of some arrays, by the array's name.
    """
    return tuple(
        found
        for name, array in batch_leaves(arrays)
        for found in nonfinite_array(name, array, (columns or {}).get(name))
    )


def finite_rows(array: Array) -> Array:
    """The rows of an array without a NaN or an infinity."""
    if array.dtype.kind != "f":
        return array
    return array[np.isfinite(array).reshape(len(array), -1).all(axis=1)]


def nonfinite_array(name: str, array: Any, columns: list[str] | None = None) -> Iterator[NonFinite]:
    """The columns of one array that hold a NaN or an infinity."""
    if array.dtype.kind not in "fc" or not array.size:
        return
    # One pass without a temporary array: a sum is finite if all terms are, bar overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum(dtype=np.complex128 if array.dtype.kind == "c" else np.float64)
    if np.isfinite(total):
        return
    bad = ~np.isfinite(array)
    if array.ndim != 2 or (array.shape[1] == 1 and columns is None):
        rows = bad.reshape(len(array), -1).any(axis=1)
        if rows.any():
            count = int(bad.sum())
            yield NonFinite(what="data", name=name, row=int(rows.argmax()), count=count)
        return
    for column in np.flatnonzero(bad.any(axis=0))[:MOST_COLUMNS]:
        first, count = int(bad[:, column].argmax()), int(bad[:, column].sum())
        where = f"{name}[:, {column}]" if columns is None else f"{name}[{columns[column]!r}]"
        yield NonFinite(what="data", name=where, row=first, count=count)


def constant_columns(
    arrays: Any, columns: Mapping[str, list[str]] | None = None
) -> tuple[str, ...]:
    """The columns of two-dimensional float inputs that have one value, other than 0, in all rows.

    Args:
        arrays: NumPy arrays in the structure of a batch.
        columns: names of the columns of some arrays, by the array's name.
    """
    found = []
    for name, array in batch_leaves(arrays):
        if not name.startswith("x") or array.dtype.kind != "f" or array.ndim != 2:
            continue
        if len(array) < 2 or array.shape[1] < 2:
            continue
        same = (array[:1] == array).all(axis=0) & (array[0] != 0)
        names = (columns or {}).get(name)
        for column in np.flatnonzero(same):
            label = f"[:, {column}]" if names is None else f"[{names[column]!r}]"
            found.append(name + label)
    return tuple(found)
