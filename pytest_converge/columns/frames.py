"""Data as users have them, read as named columns without a copy.

Arrays, tensors, pandas and polars frames, sparse matrices, dicts and lists of these, and
`tf.data.Dataset`. None of the libraries is imported: what is not loaded cannot have made the data.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown

__all__ = [
    "Part",
    "as_array",
    "is_dataset",
    "is_frame",
    "is_sparse",
    "read_dataset",
    "read_parts",
]

Array = np.ndarray[Any, Any]

#: Values that are read from a dataset at most: 64 MB in float32. What a column looks like is known
#: long before.
MOST_VALUES = 2**24


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Some columns that lie in one array.

    Attributes:
        group: the name of the array or table that they belong to.
        labels: one a column, which is an entry of the last axis.
        array: the rows first; a sparse matrix where `sparse`.
        frame: True for a column of a table, which has a type of its own.
        sparse: True for a matrix of scipy.
        categories: True where the table says that the column holds categories.
    """

    group: str
    labels: tuple[str, ...]
    array: Any
    frame: bool = False
    sparse: bool = False
    categories: bool = False

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.labels)

    def column(self, index: int, chosen: slice = slice(None)) -> Array:
        """The values of one column, by default of all rows."""
        if self.sparse:
            return np.asarray(self.array[chosen, index].toarray()).reshape(-1)
        rows = self.array[chosen]
        return np.asarray(rows if rows.ndim == 1 else rows[..., index]).reshape(-1)

    def rows(self, chosen: Any) -> Array:
        """The chosen rows, by index or slice, as an array of shape [values, columns]."""
        part = self.array[chosen]
        if self.sparse:
            part = part.toarray()
        return np.asarray(part).reshape(-1, self.width)


def is_frame(value: Any) -> bool:
    """True for a table of pandas or polars."""
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def is_sparse(value: Any) -> bool:
    """True for a matrix of scipy.sparse."""
    return hasattr(value, "tocsr") and hasattr(value, "nnz")


def is_dataset(value: Any) -> bool:
    """True for a `tf.data.Dataset`."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.data.Dataset)


def read_parts(data: Any, name: str, labels: Sequence[str] | None = None) -> tuple[Part, ...]:
    """The columns of `data`, in order.

    Args:
        data: an array, a tensor, a table, a sparse matrix, a list of numbers, or a dict, list or
            tuple of these.
        name: of the whole.
        labels: names of the columns of an array, or new ones for those of a table.

    Raises:
        InvalidTrainingError: it is none of these, it has no rows or columns, their numbers differ,
            or there are not as many names as columns.
    """
    parts = tuple(_parts(data, name))
    if not parts or not all(part.width and 0 not in part.array.shape[1:] for part in parts):
        remedy = "Check how the columns were chosen."
        raise InvalidTrainingError(complaint(f"{name} without columns", "a column", remedy))
    rows = {len(part) for part in parts}
    if len(rows) > 1:
        given = f"{name} with parts of {', '.join(map(str, sorted(rows)))} rows"
        remedy = "Check how the parts were cut."
        raise InvalidTrainingError(complaint(given, "equally many rows", remedy))
    if not rows.pop():
        remedy = "Check the path and the filter of the data."
        raise InvalidTrainingError(complaint(f"{name} without rows", "at least one row", remedy))
    return parts if labels is None else _renamed(parts, name, labels)


def read_dataset(dataset: Any) -> tuple[Any, Any]:
    """(inputs, targets or None) of a `tf.data.Dataset`, up to 16 million values.

    Raises:
        InvalidTrainingError: it yields nothing.
    """
    iterator = dataset.as_numpy_iterator()
    first = next(iterator, None)
    if first is None:
        remedy = "Check the path, the filter and drop_remainder of the data."
        raise InvalidTrainingError(complaint("a dataset without any element", "some", remedy))
    batched = _is_batched(dataset, first)
    elements, size = [], 0
    for element in itertools.chain([first], iterator):
        elements.append(element)
        size += sum(leaf.size for leaf in _leaves(element))
        if size >= MOST_VALUES:
            break
    join = _joined if batched else _stacked
    pairs = isinstance(first, tuple)
    x = join([element[0] if pairs else element for element in elements])
    y = join([element[1] for element in elements]) if pairs and len(first) > 1 else None
    return x, y


def _parts(data: Any, name: str) -> Iterator[Part]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _under_key(str(key), value, name)
    elif is_sparse(data):
        matrix = data.tocsr()
        yield Part(name, _labels(name, 2, matrix.shape[1]), matrix, sparse=True)
    elif is_frame(data):
        for column in data.columns:
            yield _frame_column(str(column), data[column], name)
    elif hasattr(data, "to_numpy"):  # a series
        label = getattr(data, "name", None)
        yield _frame_column(name if label in (None, "") else str(label), data, name)
    elif isinstance(data, (list, tuple)) and data and all(map(_is_many, data)):
        for index, value in enumerate(data):
            yield from _under_key(f"{name}[{index}]", value, f"{name}[{index}]")
    else:
        array = as_array(data, name)
        width = array.shape[-1] if array.ndim > 1 else 1
        if array.ndim == 3 and _is_grey(array):
            array, width = array[..., None], 1
        yield Part(name, _labels(name, array.ndim, width), array)


def _under_key(key: str, value: Any, name: str) -> Iterator[Part]:
    """A single column joins the table of its neighbours; a wide array is a group of its own."""
    if is_frame(value) or is_sparse(value) or isinstance(value, Mapping):
        yield from _parts(value, key)
        return
    shape = getattr(value, "shape", None)
    array = value if hasattr(value, "to_numpy") else as_array(value, key)
    if shape is None:
        shape = array.shape
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        column = _frame_column(key, array, name)
        yield dataclasses.replace(column, array=column.array.reshape(-1))
    else:
        yield from _parts(array, key)


def _frame_column(label: str, column: Any, group: str) -> Part:
    dtype = str(getattr(column, "dtype", ""))
    categories = dtype.lower().startswith(("category", "categorical", "enum"))
    array = as_array(column, label)
    if array.dtype == object and not categories:
        array = _without_nulls(column, dtype, array)
    return Part(group, (label,), array, frame=True, categories=categories)


def _without_nulls(column: Any, dtype: str, array: Array) -> Array:
    """Numbers of a table's nullable type as floats with NaN."""
    if dtype.lower().startswith(("int", "uint", "float", "bool")) and hasattr(column, "astype"):
        return np.asarray(column.astype("float64"))
    if dtype == "Boolean":  # polars
        return np.asarray(column.cast(float).to_numpy())
    return array


def as_array(value: Any, name: str) -> Array:
    """An array, a tensor, a series or a list of numbers as an array with rows.

    Raises:
        InvalidTrainingError: it is none of these.
    """
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if isinstance(value, np.ndarray):
        array = value
    else:
        try:
            array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        except (TypeError, ValueError) as error:
            raise _refused(value, name, str(error)) from error
    if array.ndim == 0:
        raise _refused(value, name, "it has no rows")
    return array


def _refused(value: Any, name: str, why: str) -> InvalidTrainingError:
    expected = "an array, a table of pandas or polars, a dict of these, or a tf.data.Dataset"
    given = f"{name}={shown(value)}"
    return InvalidTrainingError(complaint(given, expected, f"Convert it: {why.rstrip('.')}."))


def _is_many(value: Any) -> bool:
    return is_frame(value) or is_sparse(value) or getattr(value, "ndim", 0) >= 1


def _is_grey(array: Array) -> bool:
    """True for images without an axis of channels: sides of 8 or more, values of bytes."""
    if min(array.shape[1:]) < 8 or array.dtype.kind not in "uif" or not array.size:
        return False
    head = array[:256]
    return bool(array.dtype == np.uint8 or (head.min() >= 0 and head.max() <= 255))


def _labels(name: str, ndim: int, width: int) -> tuple[str, ...]:
    if ndim == 1 or (ndim == 2 and width == 1):
        return (name,)
    place = ":" if ndim == 2 else "..."
    return tuple(f"{name}[{place}, {index}]" for index in range(width))


def _renamed(parts: tuple[Part, ...], name: str, labels: Any) -> tuple[Part, ...]:
    # A text is a sequence too, of its letters.
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        given = f"names={shown(labels)}"
        remedy = 'Write names=["height", "width"], for example.'
        raise InvalidTrainingError(complaint(given, "a list of names, one a column", remedy))
    labels = list(labels)
    width = sum(part.width for part in parts)
    if len(labels) != width:
        given = f"{len(labels)} names for {name} with {width} columns"
        raise InvalidTrainingError(complaint(given, "a name for each column", "Count again."))
    left = iter(map(str, labels))
    return tuple(
        dataclasses.replace(part, labels=tuple(itertools.islice(left, part.width)))
        for part in parts
    )


def _is_batched(dataset: Any, first: Any) -> bool:
    """True where an element holds several rows."""
    leaves = list(_leaves(first))
    if any(leaf.ndim == 0 for leaf in leaves):
        return False
    if len({leaf.shape[0] for leaf in leaves}) > 1:
        return False
    seen = [dataset]
    while seen:
        source = seen.pop()
        if "Batch" in type(source).__name__ or type(source).__name__ == "TensorDataset":
            return True
        inputs = getattr(source, "_inputs", None)
        seen += list(inputs()) if callable(inputs) else []
    specs = sys.modules["tensorflow"].nest.flatten(dataset.element_spec)
    return all(spec.shape.rank and spec.shape[0] is None for spec in specs)


def _leaves(element: Any) -> Iterator[Array]:
    if isinstance(element, Mapping):
        for value in element.values():
            yield from _leaves(value)
    elif isinstance(element, (list, tuple)):
        for value in element:
            yield from _leaves(value)
    elif element is not None:
        yield np.asarray(element)


def _joined(elements: list[Any]) -> Any:
    return _structured(elements, np.concatenate)


def _stacked(elements: list[Any]) -> Any:
    return _structured(elements, np.stack)


def _structured(elements: list[Any], join: Any) -> Any:
    first = elements[0]
    if isinstance(first, Mapping):
        return {key: _structured([part[key] for part in elements], join) for key in first}
    if isinstance(first, (list, tuple)):
        parts = [_structured([part[i] for part in elements], join) for i in range(len(first))]
        return type(first)(parts) if type(first) in (list, tuple) else tuple(parts)
    return join([np.asarray(element) for element in elements])
