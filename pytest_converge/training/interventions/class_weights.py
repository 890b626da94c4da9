"""Rare classes weighted up, so that each class has the same say in the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from pytest_converge.columns.classes import class_labels, task_of
from pytest_converge.training.data.arrays import weights_of_classes
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["balanced", "class_shares"]

#: More different labels than this are no classes that anybody weighs one by one.
MOST_CLASSES = 100


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

    def data(rows: ArrayData) -> ArrayData:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(rows.arrays)
        of_rows = weights_of_classes(y, weights)
        return rows.with_arrays(keras.utils.pack_x_y_sample_weight(x, y, of_rows))

    shown = ", ".join(f"{label}: {weight:g}" for label, weight in weights.items())
    return Intervention(
        code="class-imbalance",
        change="classes weighted alike",
        fix=f"model.fit(x, y, class_weight={{{shown}}})  # and so converge.fit",
        where=("y",),
        data=data,
        loss_factor=None,
        redefines_loss=True,
    )


def _rounded(weight: float) -> float:
    """Three significant digits: what is proven is what is to be pasted."""
    return float(f"{weight:.3g}")
