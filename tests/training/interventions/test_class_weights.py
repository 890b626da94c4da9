"""Weights that balance classes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pytest_converge.training.interventions import class_weights as weighted_classes


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
