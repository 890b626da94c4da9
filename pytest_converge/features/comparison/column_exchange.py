"""Features in several preparations: the z-scored reference, and columns exchanged with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from pytest_converge.columns.scale import column_scales
from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.data.arrays import as_arrays, column_names
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.features import standardised_columns
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns

__all__ = ["FeatureReruns", "Features", "exchanged", "read_features", "z_scored"]

#: Kinds of columns that have a scale to choose; of the others z-scores would make nonsense.
FREE = frozenset({"constant", "continuous"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """One preparation of the features.

    Attributes:
        name: what the user called it.
        array: rows first, columns last.
        columns: the name of each column, as `x[:, 3]` or `x['age']`.
    """

    name: str
    array: np.ndarray[Any, Any]
    columns: tuple[str, ...]

    def differing_columns(self, other: Features) -> list[int] | None:
        """The numbers of the columns whose values differ, or None where the shapes do."""
        if self.array.shape != other.array.shape:
            return None
        flat, others = (a.reshape(-1, a.shape[-1]) for a in (self.array, other.array))
        same = np.isclose(flat, others, rtol=1e-4, atol=1e-6).all(axis=0)
        return [int(index) for index in np.flatnonzero(~same)]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape without the rows."""
        return tuple(int(size) for size in self.array.shape[1:])


def read_features(name: str, data: Any) -> Features:
    """The features as one array of numbers.

    Raises:
        InvalidTrainingError: they are several arrays, or text, or no data at all.
    """
    array = as_arrays(data, f"the features {name!r}")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.size:
        text = isinstance(array, np.ndarray) and array.size
        given = f"{name!r}: {array.dtype} data" if text else f"{name!r}: {shown(data)}"
        remedy = "Encode text as numbers, and join several arrays to one."
        expected = "features as one array or table of numbers"
        raise invalid(given, expected, remedy)
    if array.ndim == 1:
        array = array[:, None]
    if array.dtype.kind in "fb":
        array = array.astype(np.float32)
    labels = next(iter(column_names(data, "x").values()), [])
    if len(labels) == array.shape[-1]:
        columns = tuple(f"x[{label!r}]" for label in labels)
    else:
        place = ":" if array.ndim == 2 else "..."
        columns = tuple(f"x[{place}, {index}]" for index in range(array.shape[-1]))
    return Features(name=name, array=array, columns=columns)


def z_scored(features: Features, name: str) -> Features:
    """The reference: every column with a scale to choose at mean 0 and standard deviation 1.

    Coded columns (binary, one-hot, an array of integers) stay as they are. Missing values take
    the mean of their column.
    """
    scale = column_scales({"x": features.array}, {"x": list(features.columns)})[0]
    array = features.array
    if array.dtype.kind == "f":
        picked = [index for index, column in enumerate(scale.columns) if column.kind in FREE]
        array = standardised_columns(array, picked) if picked else array
        array = np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
    return Features(name=name, array=array, columns=features.columns)


def exchanged(own: Features, other: Features, columns: Collection[int]) -> Features:
    """The own features with some columns of another preparation of the same shape."""
    array = own.array.copy()
    picked = sorted(columns)
    array[..., picked] = other.array[..., picked]
    return Features(name=own.name, array=array, columns=own.columns)


class FeatureReruns(Reruns):
    """Trains on other features of the same shape and type, through one trace."""

    def records(self, features: Features, starts: int) -> list[TrainingRecord]:
        """One training from each of the first starts, on the same batches for all features."""
        change = Intervention(
            code="", change=features.name, data=lambda rows: _with(rows, features.array)
        )
        with self.changed(change) as run:
            return [run(number) for number in range(starts)]


def _with(rows: ArrayData, array: np.ndarray[Any, Any]) -> ArrayData:
    """The same batches with other features in the first place, in the type that was traced."""
    first, *rest = rows.arrays
    return rows.with_arrays((array.astype(first.dtype), *rest))
