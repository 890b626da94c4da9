"""Weights that balance classes."""

from __future__ import annotations

import numpy as np
import pytest
from keras import layers, optimizers
from sklearn.utils.class_weight import compute_class_weight

from pytest_converge.training.interventions import class_weights as weighted_classes
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import training_of


def test_balanced_weights_are_those_of_scikit_learn():
    y = np.repeat([0, 1, 2], [70, 25, 5])
    shares = weighted_classes.class_shares(y)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    for label, weight in enumerate(expected):
        assert f"{label}: {weight:.3g}" in weighted_classes.balanced(shares).fix


@pytest.mark.parametrize(
    ("targets", "shares"),
    [
        (np.array([0, 1, 1, 1]), {0: 0.25, 1: 0.75}),
        (np.array([[0.0], [1.0], [1.0], [1.0]]), {0: 0.25, 1: 0.75}),
        (np.eye(2)[[0, 1, 1, 1]], {0: 0.25, 1: 0.75}),
        (np.array([3, 3, 3]), {}),
        (np.array([0.5, 1.0]), {}),
        (np.array([0.0, 1.0, np.nan]), {}),
        (np.array([[1, 1], [0, 1]]), {}),
        (np.zeros((2, 3, 4)), {}),
        (np.array(["a", "b"]), {}),
    ],
    ids=["numbers", "column", "one-hot", "one class", "real", "missing", "labels", "map", "text"],
)
def test_shares_of_classes(targets, shares):
    assert weighted_classes.class_shares(targets) == shares


def weighted_rows(weights):
    x, y = linear(0, rows=len(weights))
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    start = fit(model, x, y, sample_weight=np.array(weights, "float32"))
    return training_of(start).rows_in_memory


def test_rows_that_were_left_out_take_the_place_of_the_others():
    rows = weighted_rows([0.0, 2.0] * 8)
    change = weighted_classes.turned_round(rows)
    np.testing.assert_array_equal(change.data(rows).arrays[2], [2.0, 0.0] * 8)
    assert change.fault.startswith("50 % of the rows have weight 0")


@pytest.mark.parametrize(
    "weights", [[1.0, 2.0] * 8, [0.0, 1.0, 2.0, 0.0] * 4, [0.0] + [1.0] * 15], ids=str
)
def test_other_weights_stay_as_they_are(weights):
    assert weighted_classes.turned_round(weighted_rows(weights)) is None


def test_an_error_becomes_a_precision():
    rows = weighted_rows([3.0, 0.5] * 8)
    change = weighted_classes.reciprocal(rows)
    np.testing.assert_allclose(change.data(rows).arrays[2], [2 / 7, 12 / 7] * 8)


@pytest.mark.parametrize("weights", [[1.0, 3.0] * 8, [0.0, 2.0] * 8], ids=str)
def test_weights_that_tell_little_or_leave_rows_out_have_no_reciprocal(weights):
    assert weighted_classes.reciprocal(weighted_rows(weights)) is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 1.0], [1.0, 0.0], True),
        ([1.0, 1.0], [0.1, 0.1], False),
        ([1.0, 3.0], [2.0, 6.0], False),
        ([1.0, 1.0], [1.0, 0.0, 1.0], False),
        ([1.0, 1.0], [True, False], False),
    ],
)
def test_weights_in_proportion_favour_the_same_rows(first, second, expected):
    assert weighted_classes.favour_other_rows(np.array(first), np.array(second)) is expected
