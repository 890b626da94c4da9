"""A linear fit of what each place has by what is around it."""

import numpy as np
import pytest

from pytest_converge.columns import local_fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6, 6, 2))


def beside(array):
    """What follows from a place and the one above it."""
    return array[..., :1] - 0.5 * np.roll(array[..., 1:], 1, axis=1)


def test_what_follows_from_around_a_place_is_predicted():
    assert local_fit.skill(X, beside(X)) > 0.8  # but for the upper edge
    assert local_fit.skill(X, RNG.normal(size=(80, 6, 6, 1))) < 0.05
    assert local_fit.skill(X, np.ones((80, 6, 6, 1))) == 0.0


@pytest.mark.parametrize("rows", [80, 900])
def test_rows_that_were_not_learnt_from_are_predicted(rows):
    x = np.random.default_rng(1).normal(size=(rows, 6, 6, 2))
    y = beside(x)
    predicted = local_fit.predicted(x, y - y.mean(), np.arange(40))
    inside = np.square(predicted - (y - y.mean()))[40:, 1:]
    assert inside.mean() < 0.05 * y.var()


@pytest.mark.parametrize(
    ("inputs", "targets", "axes"),
    [
        ((9, 4, 4, 3), (9, 4, 4, 1), 2),
        ((9, 4, 4, 3), (9, 4, 4), 2),
        ((9, 4, 3), (9, 4, 1), 1),
        ((9, 4, 4, 3), (9, 4, 5, 1), 0),
        ((9, 4, 4, 3), (9, 1), 0),
        ((9, 1, 1, 3), (9, 1, 1, 1), 0),
    ],
)
def test_the_axes_that_both_have(inputs, targets, axes):
    assert local_fit.common_places(np.zeros(inputs), np.zeros(targets)) == axes


def test_what_is_no_number_counts_as_none():
    np.testing.assert_array_equal(local_fit.finite(np.array([1.0, np.nan, np.inf])), [1, 0, 0])
    assert not local_fit.is_looked_at(np.zeros((4, 4)))
    assert not local_fit.is_looked_at(np.array([[["a"]]]))
    assert local_fit.is_looked_at(np.zeros((4, 4, 1), "uint8"))
