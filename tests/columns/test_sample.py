"""A sample of rows."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.sample import MOST_ROWS, sample_rows, sampled_columns


def sampled(array):
    part = read_parts(array, "x")[0]
    return sampled_columns(part, sample_rows(part))


def test_few_rows_are_all_taken():
    assert sample_rows(read_parts(np.ones((100, 2)), "x")[0]).tolist() == list(range(100))


def test_of_many_rows_a_part_is_taken_the_same_every_time():
    part = read_parts(np.ones((100_000, 2)), "x")[0]
    rows = sample_rows(part)
    assert 0.9 * MOST_ROWS < len(rows) <= MOST_ROWS
    assert (rows == sample_rows(part)).all()
    assert len(np.unique(rows)) == len(rows)


def test_what_a_sample_shows():
    (seen,) = sampled(np.array([0.0, 0.0, 0.0, 2.0, 3.0, np.nan, 8.0]))
    assert (*seen.most_common, seen.zeros) == (0.0, 0.5, 0.5)
    assert (seen.distinct, seen.median, seen.whole) == (4, 2.0, True)


def test_the_spread_of_a_normal_distribution_is_its_deviation():
    (seen,) = sampled(np.random.default_rng(0).normal(0, 3, 8000))
    assert seen.spread == pytest.approx(3, rel=0.05)
    assert not seen.whole


@pytest.mark.filterwarnings("error")
def test_the_largest_numbers_of_float64_have_a_mean():
    (seen,) = sampled(np.array([1.5e308, 1.5e308, -1.5e308, -1.5e308, 1.5e308]))
    assert seen.mean == seen.median == 1.5e308
    assert seen.spread == np.inf
