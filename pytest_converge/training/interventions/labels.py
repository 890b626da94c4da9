"""Labels brought into the range that a cross-entropy reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pytest_converge.columns.opposite_rows import OppositeRows
from pytest_converge.columns.renumbered_rows import RenumberedRows
from pytest_converge.columns.told_rows import ToldRows
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.targets import of_targets, relabelled
from pytest_converge.training.measures.layer_inputs import counted_rows
from pytest_converge.training.measures.shares import TOLERANCE
from pytest_converge.training.model.losses import PROBABILITIES

__all__ = [
    "beyond",
    "counted_target",
    "counted_targets",
    "into_range",
    "renumbered",
    "turned_round",
]

Array = np.ndarray[Any, Any]

#: Whole numbers up to here are counts; larger ones may be percent or bytes.
MOST_COUNTED = 10
#: What probabilities are multiplied by where they are written in percent or in bytes.
UNITS = (100.0, 255.0)
#: Rows that may be left out, as a share of all.
MOST_LEFT_OUT = 0.5


def counted_targets(arrays: Any) -> dict[str, Array]:
    """The arrays of targets that hold numbers, by name, without the rows of sample weight 0."""
    return {
        name: array
        for name, array in batch_leaves(counted_rows(arrays))
        if name.startswith("y") and array.dtype.kind in "fiub" and array.size
    }


def counted_target(arrays: Any) -> Array | None:
    """The only array of targets of these; None for several or none."""
    found = list(counted_targets(arrays).values())
    return found[0] if len(found) == 1 else None


def beyond(loss: str, targets: Array) -> str:
    """What of the targets a cross-entropy cannot read, as in `values from -1 to 1`.

    Args:
        loss: its name, as in `binary_crossentropy`.
        targets: the rows first.

    Returns:
        An empty text where all are probabilities, or where the loss takes other targets.
    """
    if loss not in PROBABILITIES or not np.isfinite(targets).all():
        return ""
    low, high = float(targets.min()), float(targets.max())
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return ""
    return f"values from {low:.3g} to {high:.3g}"


def into_range(loss: str, targets: Array) -> list[Intervention]:
    """The changes that make probabilities of targets that are none, the likeliest first.

    Args:
        loss: the name of the cross-entropy.
        targets: the rows first, those that count.
    """
    if not beyond(loss, targets):
        return []
    values = np.unique(targets)
    if len(values) == 2:
        old = (float(values[0]), float(values[1]))
        return [relabelled(old, (0.0, 1.0))]
    if values[0] < 0:
        bad = (targets.reshape(len(targets), -1) < 0).any(axis=1)
        rest = targets[~bad]
        few = bad.mean() <= MOST_LEFT_OUT and not beyond(loss, rest)
        return [_without_negative_rows()] if few else []
    if loss.startswith("categorical") and targets.ndim > 1:
        return [_divided_by_sum()]
    return _as_shares(values)


def _as_shares(values: Array) -> list[Intervention]:
    """Counts as yes or no, percent and bytes as shares."""
    high, changes = float(values[-1]), []
    unit = next((unit for unit in UNITS if high <= unit), None)
    whole = bool((values == np.round(values)).all())
    if unit is not None and not (whole and high <= MOST_COUNTED):
        changes.append(_changed(f"labels divided by {unit:g}", f"y = y / {unit:g}", _divide(unit)))
    if whole:
        changes.append(_changed("labels above 0 as 1", "y = (y > 0).astype('float32')", _positive))
    return changes


def turned_round(found: OppositeRows, values: tuple[float, float]) -> Intervention:
    """The labels of some rows as the other one of two values.

    Args:
        found: the rows, told by a column or by their place.
        values: the two labels.
    """
    total, rows = sum(values), found.rows
    index = rows.index
    turned = f"{total:g} - y[{index}]" if total else f"-y[{index}]"
    return Intervention(
        code="label-encoding",
        change=f"labels the other way round {rows.words}",
        fix=f"y[{index}] = {turned}",
        where=("y",),
        fault=(
            f"{rows.words} the labels are the other way round: the effects of {found.effects}"
            " columns on them are reversed"
        ),
        data=_of_some(rows, lambda labels: total - labels.astype(_float_of(labels))),
        redefines_loss=True,
    )


def renumbered(found: RenumberedRows) -> Intervention:
    """The classes of some rows by the numbers that they have in the others.

    Args:
        found: the rows, told by a column or by their place, and the numbers.
    """
    numbers, rows = np.array(found.numbers), found.rows
    index, old = rows.index, next(i for i, number in enumerate(found.numbers) if i != number)
    return Intervention(
        code="label-encoding",
        change=f"classes renumbered {rows.words}",
        fix=f"y[{index}] = np.array({numbers.tolist()})[y[{index}].astype(int)]",
        where=("y",),
        fault=(
            f"{rows.words} the classes are numbered in another way: class {old} there looks like"
            f" class {numbers[old]} of the other rows"
        ),
        data=_of_some(rows, lambda labels: numbers[labels.astype(np.int64)].astype(labels.dtype)),
        redefines_loss=True,
    )


def _of_some(told: ToldRows, change: Callable[[Array], Array]) -> Callable[[ArrayData], ArrayData]:
    """A change of the labels of some rows, of one array of targets beside inputs."""

    def data(rows: ArrayData) -> ArrayData:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(rows.arrays)
        inputs, (labels,) = keras.tree.flatten(x)[0], keras.tree.flatten(y)
        among = np.zeros(len(labels), dtype=bool)
        for begin in range(0, rows.rows, rows.epoch_rows):  # each epoch has them again
            epoch = slice(begin, begin + rows.epoch_rows)
            among[epoch] = told.among(inputs[epoch])
        changed = change(labels)
        kept = among.reshape(-1, *[1] * (labels.ndim - 1))
        other = keras.tree.pack_sequence_as(y, [np.where(kept, changed, labels)])
        return rows.with_arrays((x, other) if weights is None else (x, other, weights))

    return data


def _divided_by_sum() -> Intervention:
    fix = "y = y / y.sum(axis=-1, keepdims=True)"
    return _changed("labels divided by their sum", fix, _shares)


def _without_negative_rows() -> Intervention:
    """Rows with a label below 0, which often stands for an unknown one, left out."""

    def data(rows: ArrayData) -> ArrayData:
        y = keras.utils.unpack_x_y_sample_weight(rows.arrays)[1]
        (labels,) = keras.tree.flatten(y)
        bad = (labels.reshape(len(labels), -1) < 0).any(axis=1)
        return rows.without_rows(np.flatnonzero(bad))

    return Intervention(
        code="label-encoding",
        change="rows with labels below 0 left out",
        fix="known = (y >= 0).reshape(len(y), -1).all(axis=1); x, y = x[known], y[known]",
        where=("y",),
        data=data,
    )


def _changed(change: str, fix: str, function: Any) -> Intervention:
    data = of_targets(function)
    return Intervention(
        code="label-encoding",
        change=change,
        fix=fix,
        where=("y",),
        data=data,
        redefines_loss=True,
    )


def _divide(unit: float) -> Any:
    return lambda array: (array / unit).astype(_float_of(array))


def _positive(array: Array) -> Array:
    return (array > 0).astype(array.dtype)


def _shares(array: Array) -> Array:
    sums = array.sum(axis=-1, keepdims=True, dtype=np.float64)
    shares: Array = (array / np.where(sums > 0, sums, 1.0)).astype(_float_of(array))
    return shares


def _float_of(array: Array) -> Any:
    return array.dtype if array.dtype.kind == "f" else np.float32
