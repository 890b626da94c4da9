"""Rare classes weighted up, so that each class has the same say in the loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pytest_converge.columns.classes import class_labels, task_of
from pytest_converge.training.data.arrays import weights_of_classes
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = [
    "alike",
    "balanced",
    "class_shares",
    "favour_other_rows",
    "mean_weight",
    "of_mean_one",
    "reciprocal",
    "turned_round",
]

#: From this share of rows of weight 0 on, too much is left out to be a gap here and there.
LEFT_OUT = 0.2
#: So many times the lowest weight the highest one has to be: 1 / error ** 2 of a half and of one.
TELLS_APART = 4.0
#: More different labels than this are no classes that anybody weighs one by one.
MOST_CLASSES = 100

Array = np.ndarray[Any, Any]


def class_shares(targets: Any) -> dict[int, float]:
    """The share of the rows of each class, by its number.

    Args:
        targets: class numbers, one column of them, or one-hot rows, as a NumPy array.

    Returns:
        An empty dict for targets that are no class numbers, or for a single class.
    """
    labels = np.asarray(targets)
    if labels.dtype.kind not in "fiub" or labels.ndim > 2 or not np.isfinite(labels).all():
        return {}
    known = class_labels(labels, task_of(labels, "classes")) if labels.size else None
    if known is None:
        return {}
    shares = {label: rows / len(labels) for label, rows in zip(known[0], known[2], strict=True)}
    present = {label: float(share) for label, share in shares.items() if share}
    whole = all(float(label).is_integer() for label in present)
    if not whole or not 2 <= len(present) <= MOST_CLASSES:
        return {}
    return {int(label): share for label, share in present.items()}


def balanced(shares: Mapping[int, float]) -> Intervention:
    """Every row weighted by rows / (classes x rows of its class).

    The weights of scikit-learn's `class_weight="balanced"` (King and Zeng 2001, Logistic regression
    in rare events data, section 4): their mean is 1, and all classes weigh the same. As sample
    weights they belong to the data, so that one more trace does for all starts.

    Args:
        shares: of the rows of each class, by its number.
    """
    weights = {label: _rounded(1.0 / (len(shares) * share)) for label, share in shares.items()}

    return _by_class(weights, "class-imbalance", "classes weighted alike")


def mean_weight(rows: ArrayData) -> float | None:
    """The mean weight of a row; None where rows have none of their own, or one below 0."""
    try:
        weights = keras.utils.unpack_x_y_sample_weight(rows.arrays)[2]
    except ValueError:  # a structure that only the user's own step understands
        return None
    if not isinstance(weights, np.ndarray) or weights.dtype.kind not in "fiub":
        return None
    mean = float(weights.mean(dtype=np.float64))
    return mean if math.isfinite(mean) and mean > 0 and weights.min() >= 0 else None


def favour_other_rows(first: Array, second: Array) -> bool:
    """Whether the weights of two outputs are of one kind and not in proportion.

    Those in proportion say how much their output counts, and nothing of its rows.
    """
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    one, other = (np.asarray(each, np.float64) for each in (first, second))
    return not np.allclose(one * other.mean(), other * one.mean())


def turned_round(rows: ArrayData) -> Intervention | None:
    """Weights of rows the other way round, where they let rows in and leave others out.

    Returns:
        None where there are no such weights, or where a few rows alone are left out.
    """
    if mean_weight(rows) is None:
        return None
    weights = keras.utils.unpack_x_y_sample_weight(rows.arrays)[2]
    values = np.unique(weights)
    left_out = float((weights == 0).mean())
    if len(values) != 2 or values[0] != 0 or left_out < LEFT_OUT:
        return None
    return Intervention(
        code="unread-data",
        change="sample weights the other way round",
        fix="sample_weight = sample_weight.max() - sample_weight",
        where=("sample_weight",),
        fault=f"{100 * left_out:.0f} % of the rows have weight 0 and are not learnt from",
        data=_weighing(lambda _, held: held.max() - held),
        redefines_loss=True,
    )


def reciprocal(rows: ArrayData) -> Intervention | None:
    """Weights of single rows turned into their reciprocals, as an error given for a precision.

    Returns:
        None where rows have no weights of their own, or such as tell next to nothing apart.
    """
    if mean_weight(rows) is None:
        return None
    _, y, weights = keras.utils.unpack_x_y_sample_weight(rows.arrays)
    low, high = float(weights.min()), float(weights.max())
    if not 0 < TELLS_APART * low <= high or _weights_by_class(y, weights):
        return None

    def weigh(_: Any, held: Array) -> Array:
        inverse = 1.0 / np.asarray(held, np.float64)
        return np.asarray(inverse / inverse.mean())

    return Intervention(
        code="class-imbalance",
        change="the reciprocal of the sample weights",
        fix="sample_weight = (1 / sample_weight) / (1 / sample_weight).mean()",
        where=("sample_weight",),
        fault="the sample weights favour rows that they should count less",
        data=_weighing(weigh),
        redefines_loss=True,
    )


def alike(code: str) -> Intervention:
    """Every row with the same weight."""
    return Intervention(
        code=code,
        change="every row weighted alike",
        data=_weighing(lambda _, held: np.ones_like(held)),
        redefines_loss=True,
    )


def of_mean_one(rows: ArrayData, mean: float) -> list[Intervention]:
    """Weights of rows or classes divided by their mean; those of classes also as if balanced.

    Weights multiply the gradient, and so the rate of an optimizer that does not adapt to it.

    Args:
        rows: with weights.
        mean: their mean.
    """
    _, y, weights = keras.utils.unpack_x_y_sample_weight(rows.arrays)
    classes = _weights_by_class(y, weights)
    what = "class weights" if classes else "sample weights"
    how = f"{mean:.3g} times as long" if mean > 1 else f"{1 / mean:.3g} times as short"
    fault = f"{what} of mean {mean:.3g} make every step {how}"
    code = "learning-rate-too-high" if mean > 1 else "learning-rate-too-low"
    if not classes:
        divided = Intervention(
            code=code,
            change="sample weights divided by their mean",
            fix="sample_weight = sample_weight / sample_weight.mean()",
            where=("sample_weight",),
            fault=fault,
            data=_weighing(lambda _, held: held / mean),
            loss_factor=None,
        )
        return [divided]
    smaller = {label: _rounded(weight / mean) for label, weight in classes.items()}
    divided = _by_class(smaller, code, "class weights divided by their mean")
    alike = dataclasses.replace(balanced(class_shares(y)), code=code)
    return [dataclasses.replace(change, fault=fault) for change in (divided, alike)]


def _weights_by_class(y: Any, weights: Array) -> dict[int, float]:
    """The weight of each class where it is the same for all of its rows; else empty."""
    shares = {} if isinstance(y, (dict, list, tuple)) or y is None else class_shares(y)
    labels = np.asarray(y) if shares else np.empty(0)
    if labels.ndim > 1:
        labels = labels.argmax(axis=-1) if labels.shape[-1] != 1 else labels[..., 0]
    found = {}
    for label in shares:
        own = weights[labels == label]
        if own.ndim != 1 or (own != own[0]).any():
            return {}
        found[label] = float(own[0])
    return found


def _by_class(weights: Mapping[int, float], code: str, change: str) -> Intervention:
    """Every row weighted by its class."""
    shown = ", ".join(f"{label}: {weight:g}" for label, weight in weights.items())
    return Intervention(
        code=code,
        change=change,
        fix=f"model.fit(x, y, class_weight={{{shown}}})  # and so converge.fit",
        where=("y",),
        data=_weighing(lambda y, _: weights_of_classes(y, weights)),
        loss_factor=None,
        redefines_loss=True,
    )


def _weighing(weigh: Callable[[Any, Any], Array]) -> Callable[[ArrayData], ArrayData]:
    """Data with other weights, made of the targets and the old ones."""

    def data(rows: ArrayData) -> ArrayData:
        x, y, held = keras.utils.unpack_x_y_sample_weight(rows.arrays)
        weights = weigh(y, held).astype(keras.config.floatx())
        return rows.with_arrays(keras.utils.pack_x_y_sample_weight(x, y, weights))

    return data


def _rounded(weight: float) -> float:
    """Three significant digits: what is proven is what is to be pasted."""
    return float(f"{weight:.3g}")
