"""Features that know the target of their own row."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.features.pipelines.adapters import pipeline_for
from pytest_converge.features.pipelines.target_leak import leak_trial

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(200, 3)), RNG.normal(size=200)


def trial(train, targets, pipeline=lambda x: x):
    return leak_trial(pipeline_for(pipeline), train, targets, ("a", "b", "c"))


class MeanOfCategory:
    """The mean target of each category; its own row is one of many, or alone."""

    def fit(self, x, y):
        self.means_ = {key: y[x[:, 0] == key].mean() for key in np.unique(x[:, 0])}
        return self

    def transform(self, x):
        return np.array([[self.means_[key]] for key in x[:, 0]])


def test_a_noisy_relation_is_no_leak():
    assert not trial(X, X[:, 1] + 0.1 * Y).failed


@pytest.mark.parametrize("targets", [3 * X[:, 1] - 2, -X[:, 1:2]])
def test_a_feature_that_is_the_target_up_to_scale_leaks(targets):
    found = trial(X, targets)
    assert (found.outcome, found.difference.columns) == ("failed", ("b",))


def test_a_feature_with_one_value_a_class_leaks():
    labels = RNG.integers(0, 4, 200)
    coded = X.copy()
    coded[:, 2] = np.array([5.0, -1.0, 2.0, 0.0])[labels]
    assert trial(coded, np.array(["u", "v", "w", "x"])[labels]).difference.columns == ("c",)


@pytest.mark.parametrize(("categories", "leaks"), [(4, False), (150, True)])
def test_an_encoding_of_rare_categories_leaks(categories, leaks):
    codes = RNG.integers(0, categories, (200, 1))
    assert trial(codes, Y, MeanOfCategory()).failed == leaks


@pytest.mark.parametrize("targets", [None, Y[:10], RNG.normal(size=(200, 2))])
def test_without_one_target_a_row_nothing_is_tried(targets):
    assert trial(X, targets).outcome == "not tried"


def test_targets_of_several_values_a_row_are_classes():
    pairs = np.empty(200, dtype=object)
    pairs[:] = [[1, 2], [3]] * 100
    assert trial(X, pairs).outcome == "passed"
