"""Whether rows come in an order that a batch can tell from another."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_converge.columns.classes import as_table

__all__ = ["comes_in_runs"]

Array = np.ndarray[Any, Any]

#: Of rows in random order the variance within batches is the whole one; in runs next to none.
WITHIN_BATCHES = 0.5
#: So few batches differ by chance.
FEWEST_BATCHES = 4


def comes_in_runs(targets: Array, batch_rows: int) -> bool:
    """Whether targets differ between batches far more than within them, as sorted ones do.

    Args:
        targets: numbers, the rows first, in the order in which they are trained on.
        batch_rows: the rows of a batch.
    """
    if targets.dtype.kind not in "biuf" or batch_rows < 2:
        return False
    batches = len(targets) // batch_rows
    if batches < FEWEST_BATCHES:
        return False
    table = as_table(targets)[: batches * batch_rows].astype(np.float64)
    table = table[:, np.isfinite(table).all(axis=0)]
    whole = table.var(axis=0, ddof=1)
    varies = whole > 0
    if not varies.any():
        return False
    parts = table[:, varies].reshape(batches, batch_rows, -1)
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    return bool((within / whole[varies]).mean() < WITHIN_BATCHES)
