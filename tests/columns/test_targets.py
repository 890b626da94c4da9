"""What targets are."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.targets import profile_targets

RNG = np.random.default_rng(0)
N = 500


def profile(targets, features=None, task=None):
    parts = () if features is None else read_parts(features, "x")
    return profile_targets(read_parts(targets, "y"), parts, task)


def test_the_task_can_be_stated():
    assert profile(RNG.integers(1, 6, N), task="values").task == "values"


def test_classes_are_counted():
    assert profile(np.array([0, 0, 2] * 10)).classes == (("0", 20), ("2", 10))
    assert profile(np.array([0.0, 1.5] * 10)).classes == (("0", 10), ("1.5", 10))
    assert profile(np.eye(3)[[0, 0, 1] * 9]).classes == (("0", 18), ("1", 9), ("2", 0))


def test_one_hot_rows_are_added_up():
    y = np.eye(3)[RNG.integers(0, 3, N)]
    y[:20] = 0
    found = profile(y)
    assert (found.row_sum, found.off_rows) == (1.0, 20)


def test_changes_of_the_class_are_counted():
    found = profile(np.repeat([0, 1], 50))
    assert found.changes == 1
    assert found.expected_changes == pytest.approx(99 / 2)


def test_the_share_of_steps_that_go_one_way():
    assert profile(np.sort(RNG.normal(size=N))).sorted_share == 1.0
    assert profile(RNG.normal(size=N)).sorted_share < 0.6


def test_rows_are_counted_once_whatever_lies_in_them():
    assert profile(np.zeros((7, 4, 4))).rows == 7


def test_flags_and_dates_lie_side_by_side():
    dates = np.array(["2026-01-01", "2026-01-02"] * 5, "M8[s]")
    assert profile({"sold": np.array([True, False] * 5), "on": dates}).rows == 10


def test_sparse_flags_are_read():
    sparse = pytest.importorskip("scipy.sparse")
    flags = sparse.csr_matrix(np.array([[True], [False], [True], [True]]))
    assert profile(flags).rows == 4
