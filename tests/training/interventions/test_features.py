"""Columns that are standardised."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions import features
from tests.training.interventions.trainings import regression
from tests.zoo.trainings import training_of


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


def test_zeros_stay_zeros_where_columns_are_divided():
    x = np.array([[0, 0], [0, 300], [400, 0], [300, np.nan]], "float32")
    changed = features.divided_columns(x, [0, 1])
    np.testing.assert_allclose(changed[:, 0], np.array([0, 0, 4, 3]) / np.sqrt(12.5), rtol=1e-6)
    np.testing.assert_allclose(changed[:, 1], [0, 1, 0, np.nan])
    np.testing.assert_array_equal(features.divided_columns(np.zeros((3, 1)), [0]), 0)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_an_array_of_mostly_zeros_keeps_them(share):
    rows = training_of(regression()).rows_in_memory
    rng = np.random.default_rng(0)
    x = np.where(rng.random((40, 5, 3)) < share, 0, rng.normal(400, 100, (40, 5, 3)))
    rows = rows.with_arrays((x.astype("float32"), np.zeros(40)))
    change = features.standardised((), {"x": [0, 1, 2]}, data=rows, in_model=False)
    changed, _ = change.data(rows).arrays
    assert ((changed == 0) == (x == 0)).all() == (share > 0.5)
    assert ("zeros kept" in change.change) == (share > 0.5)
    pasted = {"x": rows.arrays[0], "np": np, "keras": keras}
    exec(change.fix, pasted)  # noqa: S102 - that it can be pasted is the point
    np.testing.assert_allclose(changed, pasted["x"], rtol=1e-4, atol=1e-5)


def test_rows_of_a_dataset_keep_their_precision_in_the_code():
    """Nothing turns those of a step into the numbers that its variables have."""
    x = 100 * np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    data = ArrayData.listed([(x[:4],), (x[4:],)], epoch_batches=2, probe_seed=0)
    fix = features.standardised((), {"x": [0, 1]}, data=data, in_model=False).fix
    assert fix.startswith('x = x.astype("float64"); x = ')
    names = {"x": x}
    exec(fix, names)  # noqa: S102 - it is there to be run
    assert names["x"].dtype == "float32"
    np.testing.assert_allclose(names["x"].std(axis=0), 1.0, rtol=1e-5)


def test_an_array_in_units_of_its_deviation():
    days = np.array([0.0, 100.0, 400.0], "float32")
    batch = ((np.zeros((3, 1), "float32"), days), days)
    data = ArrayData.listed([batch], epoch_batches=1, probe_seed=0)
    change = features.in_deviations({"x[1]": days, "x[2]": days / 100}, above=20.0)
    assert features.in_deviations({"x[1]": days}, above=200.0) is None
    assert features.in_deviations({"x": np.array([np.inf, np.nan, 1.0])}, above=0.5) is None
    assert change.fix == "x[1] = x[1] / 170"
    assert change.fault == "x[1] has a standard deviation of 170, and no layer is fed with it"
    _, changed = change.data(data).arrays[0]
    np.testing.assert_allclose(changed, days / 170)
