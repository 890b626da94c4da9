"""What a pipeline puts out, as a matrix with named columns, and how two of these differ."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_converge.columns.frames import is_frame, is_sparse
from pytest_converge.core.pipeline_report import Difference

__all__ = ["FeatureMatrix", "difference", "features_of", "not_finite"]

Array = np.ndarray[Any, Any]

#: Equal features differ by rounding: this part of the column's standard deviation, and of the
#: value. Sums in float32 in another order differ by 1e-6; statistics of other rows by 1e-2.
OF_DEVIATION, OF_VALUE = 1e-4, 1e-5
#: Columns named in a difference.
MOST_COLUMNS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """A matrix of features.

    Attributes:
        values: of shape [rows, columns]; numbers in float64, else objects.
        names: one a column.
    """

    values: Array
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, chosen: Any) -> FeatureMatrix:
        """The chosen rows."""
        return FeatureMatrix(self.values[chosen], self.names)


def features_of(output: Any, names: tuple[str, ...] = ()) -> FeatureMatrix:
    """The output of a pipeline as a matrix.

    Args:
        output: an array, a tensor, a table, a sparse matrix, or a dict or tuple of these.
        names: of its columns, taken where there are as many.
    """
    values, own = _matrix(output, "features")
    if not (isinstance(output, Mapping) or is_frame(output)) and len(names) == len(own):
        own = tuple(map(str, names))
    return FeatureMatrix(values, own)


def difference(one: FeatureMatrix, two: FeatureMatrix) -> Difference:
    """How `two` differs from `one`, which has the same rows in the same order."""
    if one.values.shape != two.values.shape:
        return Difference(problem=f"{_shape(two)} instead of {_shape(one)}")
    if not one.values.size:
        return Difference()
    if one.values.dtype.kind == "O" or two.values.dtype.kind == "O":
        unlike = np.array(one.values.astype(str) != two.values.astype(str), dtype=bool)
        sizes = np.where(unlike, np.nan, 0.0)
    else:
        a, b = one.values, two.values
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(a - b)
            held = np.where(np.isfinite(a), a, np.nan)
            allowed = OF_DEVIATION * _deviation(held) + OF_VALUE * np.abs(a)
            same = (apart <= allowed) | (a == b) | (np.isnan(a) & np.isnan(b))
        unlike, sizes = ~same, np.where(same, 0.0, apart)
    return _summed(unlike, sizes, one.names)


def not_finite(features: FeatureMatrix, but_for: FeatureMatrix | None = None) -> Difference:
    """The features that are NaN or infinite, apart from those that are so in `but_for` too."""
    if features.values.dtype.kind == "O":
        missing = [[v is None or v != v for v in row] for row in features.values]  # noqa: PLR0124
        bad = np.array(missing, dtype=bool).reshape(features.values.shape)
    else:
        bad = ~np.isfinite(features.values)
    if but_for is not None:
        if but_for.values.shape != features.values.shape:
            return Difference(problem=f"{_shape(features)} instead of {_shape(but_for)}")
        if but_for.values.dtype.kind == "f":
            bad &= np.isfinite(but_for.values)
    return _summed(bad, np.where(bad, np.nan, 0.0), features.names)


def _summed(unlike: Array, sizes: Array, names: tuple[str, ...]) -> Difference:
    columns = np.flatnonzero(unlike.any(axis=0))
    if not len(columns):
        return Difference(compared=len(unlike))
    worst = np.nan_to_num(np.max(sizes[:, columns], axis=0), nan=np.inf)
    ranked = columns[np.argsort(-worst, kind="stable")]
    return Difference(
        columns=tuple(names[index] for index in ranked[:MOST_COLUMNS]),
        largest=float(np.max(sizes[:, columns])),
        rows=int(unlike.any(axis=1).sum()),
        compared=len(unlike),
    )


def _deviation(values: Array) -> Array:
    """Of each column; of one row alone 0."""
    count = np.isfinite(values).sum(axis=0)
    held = np.where(np.isfinite(values), values, 0.0)
    mean = held.sum(axis=0) / np.maximum(count, 1)
    away = np.where(np.isfinite(values), values - mean, 0.0)
    return np.asarray(np.sqrt(np.square(away).sum(axis=0) / np.maximum(count, 1)))


def _shape(features: FeatureMatrix) -> str:
    rows, columns = features.values.shape
    return f"{rows} row{'s' * (rows != 1)} of {columns} feature{'s' * (columns != 1)}"


def _matrix(output: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    if isinstance(output, Mapping):
        return _joined([_matrix(value, str(key)) for key, value in output.items()])
    if isinstance(output, (list, tuple)) and output and hasattr(output[0], "shape"):
        return _joined([_matrix(v, f"{name}[{i}]") for i, v in enumerate(output)])
    if is_frame(output):
        columns = [_flat(output[column].to_numpy()) for column in output.columns]
        labels = [(str(column),) for column in output.columns]
        return _joined(list(zip(columns, labels, strict=True)))
    array = output.toarray() if is_sparse(output) else output
    own = next((name for name in ("to_numpy", "numpy") if hasattr(array, name)), None)
    matrix = _flat(array if own is None else getattr(array, own)())
    if matrix.shape[1] == 1:
        return matrix, (name,)
    return matrix, tuple(f"{name}[:, {index}]" for index in range(matrix.shape[1]))


def _flat(array: Any) -> Array:
    array = np.asarray(array)
    matrix = (
        array.reshape(len(array), math.prod(array.shape[1:])) if array.ndim else array.reshape(1, 1)
    )
    return np.asarray(matrix.astype(np.float64 if matrix.dtype.kind in "biuf" else object))


def _joined(parts: list[tuple[Array, tuple[str, ...]]]) -> tuple[Array, tuple[str, ...]]:
    names = tuple(label for _, labels in parts for label in labels)
    kind = object if any(matrix.dtype.kind == "O" for matrix, _ in parts) else np.float64
    return np.concatenate([matrix.astype(kind) for matrix, _ in parts], axis=1), names
