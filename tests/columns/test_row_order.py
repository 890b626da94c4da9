"""The order of rows: sorted ones, and those that lie as they were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.row_order import comes_in_runs

rng = np.random.default_rng(0)
CLASSES = np.repeat(np.arange(4), 64)
DRAWN = rng.permutation(CLASSES)


@pytest.mark.parametrize(
    ("targets", "rows", "expected"),
    [
        (CLASSES, 32, True),
        (np.eye(4)[CLASSES], 32, True),
        (DRAWN, 32, False),
        (DRAWN, 2, False),
        (np.eye(4)[DRAWN], 8, False),
        (np.cumsum(rng.normal(size=512)), 16, True),  # as a series that is read in time
        (rng.normal(size=(512, 3)), 16, False),
        (CLASSES, 1, False),  # a batch of one row has no variance
        (CLASSES, 100, False),  # two batches
        (np.zeros(256), 16, False),
        (np.full(256, np.nan), 16, False),
        (np.repeat(["a", "b", "c", "d"], 64), 16, False),
    ],
)
def test_sorted_targets_differ_between_batches(targets, rows, expected):
    assert comes_in_runs(targets, rows) is expected
