"""FeatureMatrix as a matrix, and how two differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_converge.features.pipelines.output import (
    FeatureMatrix,
    difference,
    features_of,
    not_finite,
)

X = np.random.default_rng(0).normal(size=(50, 3))
NAMES = ("a", "b", "c")


def test_every_form_of_output_becomes_a_matrix():
    pd, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    for output in (X, pd.DataFrame(X), sparse.csr_matrix(X), [X[:, :2], X[:, 2]], {"u": X}):
        assert features_of(output).values == pytest.approx(X)


def test_features_are_named():
    pd = pytest.importorskip("pandas")
    assert features_of(X, NAMES).names == NAMES
    assert features_of(X, ("a",)).names == ("features[:, 0]", "features[:, 1]", "features[:, 2]")
    assert features_of(pd.DataFrame(X, columns=NAMES)).names == NAMES
    assert features_of({"u": X[:, :2], "v": X[:, 2]}).names == ("u[:, 0]", "u[:, 1]", "v")
    assert features_of(np.array(["u", "v"])).values.dtype == object


def differing(other):
    return difference(FeatureMatrix(X, NAMES), FeatureMatrix(other, NAMES))


def test_rounding_is_no_difference():
    assert differing(X * (1 + 1e-6)).is_none
    assert differing(X.astype("float32").astype(float)).is_none


def test_columns_that_differ_are_named_the_worst_first():
    other = X + np.array([0.0, 0.1, 0.5])
    other[:10] = X[:10]
    found = differing(other)
    assert found.columns == ("c", "b")
    assert (found.rows, found.compared) == (40, 50)
    assert found.largest == pytest.approx(0.5)


def test_a_number_beside_nan_differs():
    other = X.copy()
    other[3, 1] = np.nan
    assert differing(other).columns == ("b",)
    assert math.isnan(differing(other).largest)
    gaps = FeatureMatrix(other, NAMES)
    assert difference(gaps, gaps).is_none


def test_another_shape_is_a_problem():
    found = differing(X[:, :2])
    assert found.problem == "50 rows of 2 features instead of 50 rows of 3 features"


def test_text_is_compared():
    words = FeatureMatrix(np.array([["u"], ["v"]], object), ("s",))
    assert difference(words, words).is_none
    other = FeatureMatrix(np.array([["u"], ["w"]], object), ("s",))
    assert difference(words, other).columns == ("s",)


def test_what_is_not_finite_is_found_unless_it_was_before():
    other = X.copy()
    other[:2, 2] = np.nan
    gaps = FeatureMatrix(other, NAMES)
    assert not_finite(gaps).columns == ("c",)
    assert not_finite(gaps, gaps).is_none
    assert not_finite(FeatureMatrix(X, NAMES)).is_none
    assert not_finite(gaps, FeatureMatrix(X[:, :2], NAMES[:2])).problem


def test_an_output_without_rows_has_its_columns():
    assert features_of(np.ones((0, 2, 3))).values.shape == (0, 6)
