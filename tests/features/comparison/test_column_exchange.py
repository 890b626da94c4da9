"""Features in several preparations."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.features.comparison.column_exchange import exchanged, read_features, z_scored

RNG = np.random.default_rng(0)


def test_the_reference_standardises_columns_with_a_scale_of_their_own():
    x = np.column_stack([RNG.normal(50, 20, 100), RNG.integers(0, 2, 100), np.full(100, 7.0)])
    reference = z_scored(read_features("raw", x), "reference").array
    assert reference[:, 0].mean() == pytest.approx(0, abs=1e-5)
    assert reference[:, 0].std() == pytest.approx(1, abs=1e-4)
    assert set(reference[:, 1]) == {0.0, 1.0}
    assert not reference[:, 2].any()


def test_missing_values_take_the_mean():
    x = RNG.normal(50, 20, (100, 2))
    x[3, 1] = np.nan
    reference = z_scored(read_features("raw", x), "reference").array
    assert reference[3, 1] == 0.0
    assert np.isfinite(reference).all()


def test_every_pixel_of_a_grey_image_is_standardised():
    images = RNG.integers(0, 256, (50, 8, 8)).astype("float32")
    reference = z_scored(read_features("raw", images), "reference").array
    assert np.abs(reference.mean(axis=(0, 1))).max() < 1e-5


def test_integers_are_codes():
    tokens = RNG.integers(0, 1000, (50, 8))
    assert np.array_equal(z_scored(read_features("raw", tokens), "reference").array, tokens)


def test_columns_have_the_names_of_a_table():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"area": [1.0, 2.0], "tax": [3.0, 4.0]})
    assert read_features("raw", table).columns == ("x['area']", "x['tax']")
    assert read_features("raw", table.to_numpy()).columns == ("x[:, 0]", "x[:, 1]")
    assert read_features("raw", np.zeros((2, 4, 4, 1))).columns == ("x[..., 0]",)
    assert read_features("raw", [1.0, 2.0, 3.0]).shape == (1,)


@pytest.mark.parametrize(
    "data", [np.array([["a", "b"]]), np.zeros((0, 3)), {"a": np.zeros((2, 1)), "b": np.zeros(2)}]
)
def test_what_is_no_table_of_numbers_is_refused(data):
    with pytest.raises(InvalidTrainingError, match=r"expected features as one array or table"):
        read_features("raw", data)


def test_columns_are_exchanged_and_the_own_ones_kept():
    own = read_features("ours", np.ones((3, 4)))
    other = read_features("z", np.zeros((3, 4)))
    assert exchanged(own, other, [1, 3]).array.tolist() == [[1, 0, 1, 0]] * 3
    assert own.array.all()


def test_columns_that_differ():
    own, other = (read_features("x", np.ones((3, 4))) for _ in range(2))
    own.array[1, 2] = np.nan
    assert own.differing_columns(other) == [2]
    assert own.differing_columns(read_features("x", np.ones((3, 5)))) is None
