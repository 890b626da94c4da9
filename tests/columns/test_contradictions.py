"""Rows that contradict each other, and targets that are inputs."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.contradictions import contradicting_share, targets_are_inputs
from pytest_converge.training.data.arrays import batch_leaves


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        ([[1], [1], [2], [3]], [[0], [1], [0], [1]], 0.5),
        ([[1], [1], [2], [2]], [[0], [0], [1], [1]], 0.0),
        ([[1, 2], [2, 1], [1, 2]], [[0], [1], [0]], 0.0),
        ([[1], [1], [1]], [[0], [0], [1]], 1.0),
    ],
    ids=["half", "repeated", "other order", "one of three"],
)
def test_the_share_of_rows_that_contradict_others(x, y, share):
    assert contradicting_share(np.array(x), np.array(y)) == pytest.approx(share)


def test_targets_that_are_an_input():
    x, other = np.arange(6.0).reshape(3, 2), np.ones((3, 1))
    assert targets_are_inputs(batch_leaves((x, x)))
    assert targets_are_inputs(batch_leaves(({"a": other, "b": x}, x.reshape(3, 2, 1), np.ones(3))))
    assert not targets_are_inputs(batch_leaves((x, x + 1)))
    assert not targets_are_inputs(batch_leaves((x, other)))
    assert not targets_are_inputs(batch_leaves((x,)))
