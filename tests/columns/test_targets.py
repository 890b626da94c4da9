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


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (RNG.integers(0, 3, N), "classes"),
        (RNG.integers(0, 2, N).astype("float32"), "classes"),
        (RNG.random(N) < 0.4, "classes"),
        (np.array(["u", "v"] * 250), "classes"),
        (np.arange(N) % 90, "classes"),
        (RNG.integers(20, 350, N), "values"),
        (RNG.normal(size=N), "values"),
        (RNG.poisson(3, N), "values"),
        (RNG.poisson(12, N), "values"),
        (RNG.integers(0, 5, N) / 4, "values"),
        (np.eye(4)[RNG.integers(0, 4, N)], "one-hot"),
        (np.eye(4)[RNG.integers(0, 4, N)] * 0.9 + 0.025, "one-hot"),
        ((RNG.random((N, 5)) < 0.4).astype(int), "labels"),
        (RNG.normal(size=(N, 2)), "values"),
        (RNG.integers(0, 9, (N, 8, 8)), "labels"),
    ],
)
def test_what_targets_are_is_told_from_the_numbers(targets, task):
    assert profile(targets).task == task


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


def test_rows_that_contradict_another_are_counted():
    x, y = RNG.normal(size=(N, 3)), RNG.integers(0, 2, N)
    twice, labels = np.concatenate([x, x[:30]]), np.concatenate([y, y[:20], 1 - y[20:30]])
    found = profile(labels, twice)
    assert (found.repeated, found.conflicts) == (60, 20)


def test_measured_values_repeat_with_noise():
    x, y = RNG.normal(size=(N, 3)), RNG.normal(size=N)
    twice = np.concatenate([x, x[:30]])
    assert profile(np.concatenate([y, y[:30] + 0.1]), twice).conflicts == 0
    assert profile(np.concatenate([y, y[:30] + 3.0]), twice).conflicts == 60
