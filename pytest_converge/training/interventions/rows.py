"""Rows in another order, or some of them left out."""

from __future__ import annotations

import numpy as np

from pytest_converge.training.arrays import batch_leaves
from pytest_converge.training.data import ArrayData
from pytest_converge.training.intervention import Intervention

__all__ = ["random_half", "shuffled", "stretch", "without_nonfinite"]


def shuffled(seed: int, from_dataset: bool) -> Intervention:
    """The same rows in random order over all batches."""
    fix = (
        "dataset = dataset.unbatch().shuffle(len(x)).batch(batch_size)"
        if from_dataset
        else "converge.fit(model, x, y, shuffle=True)"
    )
    return Intervention(
        code="unshuffled-data",
        change="rows shuffled",
        fix=fix,
        data=lambda data: data.shuffled_rows(seed),
    )


def without_nonfinite(where: tuple[str, ...]) -> Intervention:
    """The rows that hold a NaN or an infinity left out."""

    def change(data: ArrayData) -> ArrayData:
        bad = np.zeros(data.rows, dtype=bool)
        for _, array in batch_leaves(data.arrays):
            if array.dtype.kind == "f":
                bad |= ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        return data.without_rows(np.flatnonzero(bad))

    return Intervention(
        code="nonfinite-data",
        change="rows that are not finite left out",
        fix="keep = np.isfinite(x).all(axis=1); x, y = x[keep], y[keep]",
        where=where,
        data=change,
    )


def stretch(begin: int, end: int, code: str, change: str) -> Intervention:
    """Only the rows from `begin` up to `end`, for telling where a training fails."""

    def data(rows: ArrayData) -> ArrayData:
        return rows.without_rows(np.r_[0:begin, end : rows.rows])

    return Intervention(code=code, change=change, data=data)


def random_half(seed: int, code: str) -> Intervention:
    """Half of the rows, drawn at random: what fewer rows alone make easier."""

    def data(rows: ArrayData) -> ArrayData:
        left_out = np.random.default_rng(seed).permutation(rows.rows)[: rows.rows // 2]
        return rows.without_rows(np.sort(left_out))

    return Intervention(code=code, change="a random half of the rows", data=data)
