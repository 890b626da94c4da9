"""Features on other scales: standardised columns, images to [0, 1]."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["standardised"]

#: Largest value of an image of bytes.
BYTE = 255.0


def standardised(where: tuple[str, ...], columns: Mapping[str, Collection[int]]) -> Intervention:
    """Continuous columns to mean 0 and standard deviation 1, arrays of images to [0, 1].

    Args:
        where: names of the columns concerned, for the report.
        columns: numbers of the columns to change by the name of their array; an empty collection
            for an array of images.
    """
    images = any(not picked for picked in columns.values())
    return Intervention(
        code="unscaled-features",
        change="images to [0, 1]" if images else "features standardised",
        fix=(
            "keras.layers.Rescaling(1 / 255)"
            if images
            else "norm = keras.layers.Normalization(); norm.adapt(x)  # as the first layer"
        ),
        where=where,
        data=lambda data: _changed(data, columns),
    )


def _changed(data: ArrayData, columns: Mapping[str, Collection[int]]) -> ArrayData:
    def change(name: str, array: Any) -> Any:
        if name not in columns:
            return array
        picked = sorted(columns[name])
        if not picked:
            return (array / BYTE).astype(array.dtype if array.dtype.kind == "f" else np.float32)
        return standardised_columns(array, picked)

    return data.with_arrays(map_named(data.arrays, change))


def standardised_columns(array: np.ndarray[Any, Any], picked: list[int]) -> np.ndarray[Any, Any]:
    """Some columns (of the last axis) standardised in float64, over rows and other axes."""
    changed = array.astype(np.float64)
    flat = changed.reshape(-1, changed.shape[-1]) if changed.ndim > 1 else changed[:, None]
    part = flat[:, picked]
    good = np.where(np.isfinite(part), part, np.nan)
    mean, spread = np.nanmean(good, axis=0), np.nanstd(good, axis=0)
    flat[:, picked] = (part - mean) / np.where(spread > 0, spread, 1.0)
    kept = array.dtype if array.dtype.kind == "f" else np.float32
    return flat.reshape(array.shape).astype(kept)
