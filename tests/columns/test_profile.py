"""What each column is, and what is odd about it."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.profile import profile_columns, profile_groups

RNG = np.random.default_rng(0)


def profile(data, **kinds):
    return profile_columns(read_parts(data, "x"), kinds)


def test_the_statistics_of_a_column():
    x = RNG.normal(5, 2, (3000, 2))
    x[::10, 1] = np.nan
    first, second = profile(x)
    assert first.mean == pytest.approx(x[:, 0].mean())
    assert first.deviation == pytest.approx(x[:, 0].std())
    assert first.spread == pytest.approx(2, rel=0.1)
    assert (first.missing, second.missing, second.values) == (0, 300, 3000)


def test_far_values_are_counted_in_all_rows():
    x = RNG.normal(size=50_000)
    x[:7] = 1e4
    assert profile(x)[0].far == 7


def test_no_value_is_far_in_a_normal_distribution():
    assert profile(RNG.normal(size=50_000))[0].far == 0


@pytest.mark.parametrize(
    ("values", "sentinel"),
    [
        (np.where(np.arange(2000) % 50, RNG.normal(40, 9, 2000), 999.0), 999.0),
        (np.where(np.arange(2000) % 3, RNG.normal(40, 9, 2000), -999.0), -999.0),
        (np.where(np.arange(2000) % 50, RNG.normal(40, 9, 2000), 0.0), None),
        (RNG.standard_t(3, 2000), None),
        (np.minimum(RNG.lognormal(0, 1, 2000), 8.0), None),  # clipped
    ],
)
def test_a_repeated_end_with_nothing_near_it_stands_for_missing(values, sentinel):
    assert profile(values)[0].sentinel == sentinel


def test_a_number_that_float32_cannot_hold_overflows():
    assert profile(np.array([1.0, 1e39, 2.0]))[0].overflow
    assert not profile(np.array([1.0, 1e38, 2.0]))[0].overflow


def test_a_column_without_a_number_is_empty():
    assert profile(np.full((5, 2), np.nan))[0].kind == "empty"


def test_a_stated_kind_counts():
    x = RNG.integers(500, 900, 200)
    assert profile(x)[0].kind == "continuous"
    assert profile(x, x="tokens")[0].kind == "tokens"


def test_rows_of_length_one_are_normed():
    x = RNG.normal(size=(100, 20))
    (plain,) = profile_groups(read_parts(x, "x"))
    (normed,) = profile_groups(read_parts(x / np.linalg.norm(x, axis=1, keepdims=True), "x"))
    (shares,) = profile_groups(read_parts(RNG.dirichlet(np.ones(20), 100), "x"))
    assert [group.normed for group in (plain, normed, shares)] == [False, True, True]


def test_zeros_of_a_sparse_matrix_are_counted_exactly():
    sparse = pytest.importorskip("scipy.sparse")
    x = np.zeros((400, 2))
    x[:100, 1] = RNG.uniform(1, 2, 100)
    columns = profile(sparse.csr_matrix(x))
    assert [column.zeros for column in columns] == [1.0, 0.75]


def test_values_next_to_the_largest_number_are_looked_at(recwarn):
    tiny, huge = 5e-324, -1.7976931348623157e308
    assert profile(np.array([0.0, 0.0, tiny, tiny, tiny, huge]))[0].values == 6
    assert not recwarn.list
