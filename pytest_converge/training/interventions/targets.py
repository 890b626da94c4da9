"""Targets on another scale, or encoded as the loss reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.features import standardised_columns
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["of_targets", "one_hot", "permuted", "relabelled", "standardised"]

Array = np.ndarray[Any, Any]


def standardised(loss_factor: float | None, where: tuple[str, ...]) -> Intervention:
    """Targets to mean 0 and standard deviation 1.

    Args:
        loss_factor: what that does to the unit of the loss.
        where: names of the target columns.
    """

    def change(array: Array) -> Array:
        if array.dtype.kind not in "fiu":
            return array
        columns = array.shape[-1] if array.ndim > 1 else 1
        return standardised_columns(array, list(range(columns)))

    return Intervention(
        code="unscaled-targets",
        change="targets standardised",
        fix="y = (y - y.mean(axis=0)) / y.std(axis=0)",
        where=where,
        data=of_targets(change),
        loss_factor=loss_factor,
    )


def relabelled(old: tuple[float, ...], new: tuple[float, ...]) -> Intervention:
    """Label values replaced: {1, 2} by {0, 1} for a cross-entropy, by {-1, 1} for a hinge."""

    def change(array: Array) -> Array:
        # In whole numbers without a sign, and in truth values, there is no room for every label.
        replaced = array.astype(array.dtype if array.dtype.kind == "f" else np.float32)
        for before, after in zip(old, new, strict=True):
            replaced[array == before] = after
        return replaced

    words = f"labels {_set(new)} instead of {_set(old)}"
    shown = [(f"{before:g}", f"{after:g}") for before, after in zip(old, new, strict=True)]
    values = shown[-1][1]
    for before, after in reversed(shown[:-1]):
        values = f"np.where(y == {before}, {after}, {values})"
    return Intervention(
        code="label-encoding",
        change=words,
        fix=f'y = {values}.astype("float32")  # {words}',
        where=("y",),
        data=of_targets(change),
    )


def one_hot(classes: int) -> Intervention:
    """Class numbers as one-hot rows, for a loss that compares them with one output a class."""
    rows = np.eye(classes, dtype=np.float32)
    return Intervention(
        code="label-encoding",
        change=f"labels one-hot over {classes} classes",
        fix=f"y = keras.utils.to_categorical(y, {classes})",
        where=("y",),
        data=of_targets(lambda y: rows[y.reshape(len(y)).astype(np.int64)]),
        loss_factor=None,
    )


def permuted(seed: int) -> Intervention:
    """The negative control: targets of other rows, from which nothing can be learnt."""
    return Intervention(
        code="labels-unrelated",
        change="targets permuted (control)",
        data=of_targets(lambda y: y[np.random.default_rng(seed).permutation(len(y))]),
    )


def of_targets(change: Callable[[Array], Array]) -> Callable[[ArrayData], ArrayData]:
    """Data of which each array of targets is changed."""

    def named(name: str, array: Array) -> Array:
        return change(array) if name.startswith("y") else array

    return lambda data: data.with_arrays(map_named(data.arrays, named))


def _set(values: tuple[float, ...]) -> str:
    return "{" + ", ".join(f"{value:g}" for value in values) + "}"
