"""Targets on another scale, or encoded as the loss reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.features import standardised_columns
from pytest_converge.training.interventions.intervention import Intervention

__all__ = [
    "divided",
    "has_two_values",
    "in_one_column",
    "of_targets",
    "one_hot",
    "permuted",
    "relabelled",
    "standardised",
    "with_labels",
]

Array = np.ndarray[Any, Any]

#: Fewer labels are none: a handful of numbers may be anything.
FEWEST_LABELS = 8


def standardised(
    loss_factor: float | None, where: tuple[str, ...], arrays: Sequence[str] = ()
) -> Intervention:
    """Targets to mean 0 and standard deviation 1.

    Args:
        loss_factor: what that does to the unit of the loss.
        where: names of the target columns.
        arrays: the arrays of several that hold amounts, by name; empty for all there are.
    """

    def change(array: Array) -> Array:
        if array.dtype.kind not in "fiu":
            return array
        columns = array.shape[-1] if array.ndim > 1 else 1
        return standardised_columns(array, list(range(columns)))

    return Intervention(
        code="unscaled-targets",
        change="targets standardised" + (f": {', '.join(arrays)}" if arrays else ""),
        fix="\n".join(f"{n} = ({n} - {n}.mean(axis=0)) / {n}.std(axis=0)" for n in arrays or "y"),
        where=where,
        data=of_targets(change, arrays),
        loss_factor=loss_factor,
        redefines_loss=loss_factor is None,
    )


def divided(where: tuple[str, ...], arrays: Sequence[str]) -> Intervention:
    """Targets to standard deviation 1 that keep their sign, as times have to.

    Args:
        where: names of the target columns.
        arrays: those to change, by name.
    """

    def change(array: Array) -> Array:
        deviation = array.std(axis=0, dtype=np.float64)
        scaled: Array = array / np.where(deviation > 0.0, deviation, 1.0)
        return scaled.astype(array.dtype if array.dtype.kind == "f" else np.float32)

    return Intervention(
        code="unscaled-targets",
        change=f"targets divided by their deviation: {', '.join(arrays)}",
        fix="\n".join(f"{n} = {n} / {n}.std(axis=0)" for n in arrays),
        where=where,
        data=of_targets(change, arrays),
        loss_factor=None,
        redefines_loss=True,
    )


def relabelled(old: tuple[float, ...], new: tuple[float, ...]) -> Intervention:
    """Label values replaced: {1, 2} by {0, 1} for a cross-entropy, by {-1, 1} for a hinge."""
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
        data=of_targets(lambda array: with_labels(array, old, new)),
        redefines_loss=True,
    )


def has_two_values(array: Array) -> bool:
    """Whether an array holds one number a row, and each is one of two."""
    if array.dtype.kind not in "biuf" or not array.ndim:
        return False
    return array.size == len(array) >= FEWEST_LABELS and len(np.unique(array)) == 2


def with_labels(array: Array, old: Sequence[float], new: Sequence[float]) -> Array:
    """An array with some values replaced."""
    # In whole numbers without a sign, and in truth values, there is no room for every label.
    replaced = array.astype(array.dtype if array.dtype.kind == "f" else np.float32)
    for before, after in zip(old, new, strict=True):
        replaced[array == before] = after
    return replaced


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
        redefines_loss=True,
    )


def in_one_column() -> Intervention:
    """One-hot rows of two classes as the one column that a single output is compared with."""
    return Intervention(
        code="label-encoding",
        change="labels in one column instead of one-hot rows",
        fix="y = y.argmax(axis=-1)[:, None]",
        where=("y",),
        fault="one-hot rows of two classes, a 1 and a 0, are both compared with one output",
        data=of_targets(lambda y: y.argmax(axis=-1)[:, None].astype(y.dtype)),
        loss_factor=None,
        redefines_loss=True,
    )


def permuted(seed: int) -> Intervention:
    """The negative control: targets of other rows, from which nothing can be learnt."""
    return Intervention(
        code="labels-unrelated",
        change="targets permuted (control)",
        data=of_targets(lambda y: y[np.random.default_rng(seed).permutation(len(y))]),
    )


def of_targets(
    change: Callable[[Array], Array], arrays: Sequence[str] = ()
) -> Callable[[ArrayData], ArrayData]:
    """Data of which each array of targets is changed.

    Args:
        change: the change of one array.
        arrays: those to change, by name; empty for all.
    """

    def named(name: str, array: Array) -> Array:
        meant = name in arrays if arrays else name.startswith("y")
        return change(array) if meant else array

    return lambda data: data.with_arrays(map_named(data.arrays, named))


def _set(values: tuple[float, ...]) -> str:
    return "{" + ", ".join(f"{value:g}" for value in values) + "}"
