"""Rows that contradict others, and targets that are inputs."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.contradictions import (
    contradicting_rows,
    contradicting_share,
    pure_error,
    targets_are_inputs,
)
from pytest_converge.columns.frames import read_parts
from pytest_converge.training.data.arrays import batch_leaves

RNG = np.random.default_rng(0)
N = 500


def rows(x, y, task):
    return contradicting_rows(read_parts(x, "x"), y, task)


def test_rows_with_another_class_are_counted():
    x, y = RNG.normal(size=(N, 3)), RNG.integers(0, 2, N)
    twice, labels = np.concatenate([x, x[:30]]), np.concatenate([y, y[:20], 1 - y[20:30]])
    assert rows(twice, labels, "classes") == (20, 60)
    assert rows(twice, np.eye(2)[labels], "one-hot") == (20, 60)
    assert rows(twice, np.column_stack([labels, labels]), "labels") == (20, 60)
    assert rows(twice, np.array(["u", "v"])[labels], "classes") == (20, 60)


def test_measured_values_repeat_with_noise():
    x, y = RNG.normal(size=(N, 3)), RNG.normal(size=N)
    twice = np.concatenate([x, x[:30]])
    assert rows(twice, np.concatenate([y, y[:30] + 0.1]), "values") == (0, 60)
    assert rows(twice, np.concatenate([y, y[:30] + 3.0]), "values") == (60, 60)
    both = np.column_stack([np.zeros(N + 30), np.concatenate([y, y[:30] + 3.0])])
    assert rows(twice, both, "values") == (60, 60)


@pytest.mark.parametrize("repeats", [2, 16, 250])
def test_more_repeats_of_a_noisy_measurement_do_not_contradict(repeats):
    """The range of many values grows with their number, their variance does not."""
    x = np.repeat(np.linspace(-1, 1, 16), repeats)[:, None]
    noise = RNG.normal(size=x.shape)
    assert contradicting_share(x, 2 * x + 0.2 * noise) == 0.0
    assert contradicting_share(x, 0.01 * x + noise) > 0.4


def test_the_loss_may_say_that_a_few_numbers_are_values():
    x = np.repeat(np.arange(20.0), 4)[:, None]
    marks = np.tile([1.0, 2.0, 1.0, 2.0], 20) + np.repeat([0.0, 3.0], 40)
    assert contradicting_share(x, marks) == 1.0
    assert contradicting_share(x, marks, "values") == 0.0


def test_far_from_zero_the_noise_is_still_told():
    x = np.repeat(np.arange(20.0), 5)[:, None]
    assert contradicting_share(x, 1e8 + x + 0.1 * RNG.normal(size=x.shape)) == 0.0


def test_without_rows_nothing_contradicts():
    assert contradicting_share(np.zeros((0, 2)), np.zeros((0, 1))) == 0.0


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("columns", [1, 10])
def test_points_that_were_measured_twice_do_not_contradict(noise, columns):
    """A pair varies so much by chance that its own variance says little."""
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(size=(300, 2)), 2, axis=0)
    told = x @ rng.normal(size=(2, columns))
    told /= told.std(axis=0)
    y = np.sqrt(1 - noise) * told + np.sqrt(noise) * rng.normal(size=told.shape)
    assert contradicting_share(x, y) < 0.01


def test_a_few_groups_that_contradict_stand_out_of_the_noise_of_the_others():
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(100, 2)), 8, axis=0)
    y = x[:, 0] + 0.1 * rng.normal(size=len(x))
    y[:80:2] += 6.0
    assert contradicting_share(x, y) == pytest.approx(0.1)


def test_wrong_labels_contradict_as_many_rows_as_there_are_of_them():
    x = np.repeat(np.arange(16.0), 32)[:, None]
    y = (x[:, 0] > 7).astype(int)
    y[::20] = 1 - y[::20]
    wrong = len(y[::20])
    assert rows(x, y, "classes") == (2 * wrong, len(y))


def test_targets_that_are_an_input():
    x, other = np.arange(6.0).reshape(3, 2), np.ones((3, 1))
    assert targets_are_inputs(batch_leaves((x, x)))
    assert targets_are_inputs(batch_leaves(({"a": other, "b": x}, x.reshape(3, 2, 1), np.ones(3))))
    assert not targets_are_inputs(batch_leaves((x, x + 1)))
    assert not targets_are_inputs(batch_leaves((x, other)))
    assert not targets_are_inputs(batch_leaves((x,)))


def test_targets_that_are_missing_everywhere_contradict_nobody(recwarn):
    assert rows(np.zeros((4, 1)), np.full((4, 1), np.nan), "values") == (0, 4)
    assert not recwarn.list


def test_the_pure_error_is_the_variance_within_the_same_inputs():
    x = np.repeat(np.eye(3), 4, axis=0)
    y = np.array([1, 3, 1, 3, 10, 10, 10, 10, 0, 2, 4, 6], dtype="float32")
    assert pure_error(x, y) == pytest.approx((1 + 0 + 5) / 3)
    assert pure_error(x, y[:, None]) == pytest.approx(2.0)
    # A row with inputs of its own can be met exactly.
    apart = np.concatenate([x, [[5.0, 5.0, 5.0]]])
    assert pure_error(apart, np.append(y, 100.0)) == pytest.approx(2.0 * 12 / 13)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(12.0)[:, None], np.arange(12.0)),
        (np.repeat(np.eye(3), 4, axis=0), np.array(["a", "b"] * 6)),
        (np.zeros((0, 2)), np.zeros(0)),
    ],
    ids=["other inputs", "text", "nothing"],
)
def test_where_inputs_do_not_repeat_nothing_is_known_of_the_noise(x, y):
    assert pure_error(x, y) is None
