"""Columns that are standardised."""

from __future__ import annotations

import numpy as np

from pytest_converge.training.interventions import (
    features,
)


def test_columns_are_standardised_alone():
    x = np.array([[1e6 + 1, 5, 0], [1e6 + 3, 7, 1]], "float32")
    changed = features.standardised_columns(x, [0])
    np.testing.assert_allclose(changed[:, 0], [-1, 1])
    np.testing.assert_array_equal(changed[:, 1:], x[:, 1:])


def test_a_constant_column_becomes_zero_and_missing_values_stay_missing():
    x = np.array([[7.0, 1.0], [7.0, np.nan], [7.0, 3.0]], "float32")
    changed = features.standardised_columns(x, [0, 1])
    np.testing.assert_array_equal(changed[:, 0], 0)
    np.testing.assert_allclose(changed[:, 1], [-1, np.nan, 1])


def test_columns_of_series_are_standardised_over_rows_and_times():
    x = np.arange(24, dtype="float32").reshape(2, 6, 2) * 100
    changed = features.standardised_columns(x, [0, 1])
    np.testing.assert_allclose(changed.mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(changed.std(axis=(0, 1)), 1, rtol=1e-6)


def test_whole_numbers_turn_into_fractions():
    assert features.standardised_columns(np.array([[1], [2]], "int64"), [0]).dtype == "float32"
