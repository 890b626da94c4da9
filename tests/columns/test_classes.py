"""Whether targets are classes."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.classes import class_labels, task_of

RNG = np.random.default_rng(0)
N = 500


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
        (RNG.normal(size=(N, 8, 8)), "values"),
        (np.arange(200) % 50, "classes"),
        (RNG.integers(0, 50, 200), "classes"),
        (np.arange(200.0) % 50, "values"),
        (np.array([0, 1, 1]), "classes"),  # flags, however few
        (np.array([[-1.0], [1.0]]), "classes"),
        (np.array([0, 1, 2]), "values"),
    ],
)
def test_what_targets_are_is_told_from_the_numbers(targets, task):
    assert task_of(targets) == task


def test_what_is_stated_counts_for_a_single_column():
    assert task_of(np.array([0, 1, 2]), "classes") == "classes"
    assert task_of(np.arange(200)[:, None] % 3, "values") == "values"
    assert task_of(np.eye(3), "values") == "one-hot"


def test_labels_are_numbered_by_their_order():
    names, numbers, rows = class_labels(np.array(["b", "a", "b", None], dtype=object), "classes")
    assert (names, numbers.tolist(), rows.tolist()) == (["", "a", "b"], [2, 1, 2, 0], [1, 1, 2])
    names, numbers, rows = class_labels(np.array([7.0, np.nan, 5.0, 7.0]), "classes")
    assert (names, rows.tolist()) == ([5.0, 7.0], [1, 2])
    names, numbers, rows = class_labels(np.eye(3)[[0, 2, 2]], "one-hot")
    assert (names, numbers.tolist(), rows.tolist()) == ([0, 1, 2], [0, 2, 2], [1, 0, 2])
    assert class_labels(np.array([0.5, 1.5]), "values") is None
