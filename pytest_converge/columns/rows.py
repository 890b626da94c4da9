"""Rows and columns of data as users have them: counted, chosen, and changed in a copy."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pytest_converge.columns.dtypes import is_missing
from pytest_converge.columns.frames import (
    as_array,
    is_dataset,
    is_frame,
    is_sparse,
    read_dataset,
)
from pytest_converge.core.errors import InvalidTrainingError, complaint, shown

__all__ = ["Column", "count_rows", "in_memory", "input_columns", "take", "with_value"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column that can be changed.

    Attributes:
        name: as a user would write it.
        key: where it is: the name in a table or dict, a number in an array, None for an array of
            one column.
        values: its values.
    """

    name: str
    key: Any
    values: Array

    @property
    def is_text(self) -> bool:
        """True for text and objects, which are categories."""
        return self.values.dtype.kind in "OUS"

    @property
    def missing(self) -> Array:
        """True where there is no value."""
        return np.asarray(is_missing(self.values))


def in_memory(data: Any, name: str) -> Any:
    """`data` itself; of a `tf.data.Dataset` its inputs as arrays.

    Raises:
        InvalidTrainingError: it has no rows.
    """
    held = read_dataset(data)[0] if is_dataset(data) else data
    if isinstance(held, list) and held and not is_frame(held[0]) and not hasattr(held[0], "shape"):
        held = np.asarray(held)
    if isinstance(held, Mapping) and len({count_rows(part) for part in held.values()}) > 1:
        counts = ", ".join(f"{count_rows(part)} in {key!r}" for key, part in held.items())
        given = f"{name} of unequal rows: {counts}"
        raise InvalidTrainingError(complaint(given, "as many rows in each", "Join them by rows."))
    if count_rows(held) < 1:
        remedy = "Check how it was cut."
        raise InvalidTrainingError(complaint(f"{name} without rows", "at least one row", remedy))
    return held


def count_rows(data: Any) -> int:
    """Rows of an array, a table, a sparse matrix, or a dict, list or tuple of these.

    Raises:
        InvalidTrainingError: it is none of these.
    """
    if isinstance(data, Mapping) and data:
        return count_rows(next(iter(data.values())))
    shape = getattr(data, "shape", None)
    if shape is not None and len(shape):
        return int(shape[0])
    if isinstance(data, (list, tuple)) and data:
        return count_rows(data[0]) if hasattr(data[0], "shape") else len(data)
    expected = "an array, a table, a dict of these, or a tf.data.Dataset"
    raise InvalidTrainingError(complaint(f"data={shown(data)}", expected, "Convert it."))


def take(data: Any, rows: Any) -> Any:
    """The chosen rows, in the given order and in the same form."""
    rows = np.asarray(rows)
    if isinstance(data, Mapping):
        return {key: take(value, rows) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        if not hasattr(data[0], "shape"):
            return [data[index] for index in rows]
        parts = [take(part, rows) for part in data]
        return parts if isinstance(data, list) else tuple(parts)
    if _is_tensor(data):
        return sys.modules["tensorflow"].gather(data, rows)
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    # polars takes lists of numbers, arrays and sparse matrices take arrays of them.
    return data[rows.tolist() if hasattr(data, "to_numpy") else rows]


def input_columns(data: Any) -> Iterator[Column]:
    """The columns that can be changed one by one: of tables, flat arrays and dicts of columns."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            array = _array(value)
            if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
                yield Column(str(key), key, array.reshape(-1))
    elif is_frame(data):
        for key in data.columns:
            yield Column(str(key), key, _array(data[key]))
    elif not is_sparse(data) and not isinstance(data, (list, tuple)):
        array = _array(data)
        if array.ndim == 1:
            yield Column("x", None, array)
        elif array.ndim == 2:
            for index in range(array.shape[1]):
                yield Column(f"x[:, {index}]", index, array[:, index])


def with_value(data: Any, column: Column, rows: int, value: Any) -> Any:
    """A copy of `data` in which the first `rows` rows of one column have another value."""
    values = column.values
    if isinstance(value, float) and values.dtype.kind in "iub":
        values = values.astype(np.float64)
    elif values.dtype.kind in "US":
        values = values.astype(object)
    values = values.copy()
    values[:rows] = value
    if isinstance(data, Mapping):
        own = _array(data[column.key])
        return {**data, column.key: _as_before(data[column.key], values.reshape(own.shape))}
    if hasattr(data, "iloc"):
        changed = data.copy()
        changed[column.key] = values
        return changed
    if is_frame(data):
        series = type(data[column.key])
        return data.with_columns(series(str(column.key), values.tolist()))
    array = _array(data)
    array = array.astype(values.dtype) if values.dtype.kind != array.dtype.kind else array.copy()
    if column.key is None:
        array[...] = values.reshape(array.shape)
    else:
        array[:, column.key] = values
    return _as_before(data, array)


def _as_before(before: Any, array: Array) -> Any:
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.reshape(-1)):
        array = array.astype(str)
    return sys.modules["tensorflow"].constant(array) if _is_tensor(before) else array


def _is_tensor(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.Tensor)


def _array(value: Any) -> Array:
    array = as_array(value, "data")
    if array.dtype.kind == "O" and array.size and isinstance(array.flat[0], bytes):
        return array.astype(str)  # strings of TensorFlow
    return array
