"""Rows whose labels are the other way round, told from the effects of the columns."""

import numpy as np
import pytest

from pytest_converge.columns.opposite_rows import opposite_rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(float)


def test_a_column_tells_who_encoded_the_other_way_round():
    who = RNG.integers(0, 2, 400) + 1.0
    x = np.column_stack([X, who])
    found = opposite_rows(x, np.where(who == 2, 1 - Y, Y))
    assert found.rows.column == 4
    assert found.effects == 2
    np.testing.assert_array_equal(found.rows.among(x), who == found.rows.value)
    assert found.rows.among(x).sum() <= 200


@pytest.mark.parametrize("first", [150, 290])
def test_a_block_of_rows_is_found_by_its_place(first):
    found = opposite_rows(X, np.where(np.arange(400) >= first, 1 - Y, Y))
    assert found.rows.column is None
    assert (found.rows.begin is None) == (first < 200)
    assert abs((found.rows.begin or found.rows.end) - first) <= 12
    assert found.rows.among(X).sum() <= 200


def test_one_annotator_of_several():
    who = RNG.integers(0, 3, 400)
    found = opposite_rows(np.column_stack([X, who]), np.where(who == 1, 1 - Y, Y))
    assert (found.rows.column, found.rows.value) == (4, 1.0)


@pytest.mark.parametrize(
    "y",
    [
        Y,
        RNG.integers(0, 2, 400).astype(float),
        (X[:, 0] * X[:, 1] > 0).astype(float),
        np.where(np.arange(400) >= 200, (X[:, 2] - X[:, 3] > 0), Y),
    ],
    ids=["one encoding", "noise", "two columns together", "another rule"],
)
def test_other_labels_are_not_accused(y):
    assert opposite_rows(np.column_stack([X, X[:, 1] > 0]), y) is None


def test_of_many_rows_some_are_looked_at(monkeypatch):
    monkeypatch.setattr("pytest_converge.columns.opposite_rows.MOST_ROWS", 200)
    found = opposite_rows(X, np.where(np.arange(400) >= 290, 1 - Y, Y))
    assert abs(found.rows.begin - 290) <= 24


def test_pictures_have_no_columns_that_tell_rows():
    pictures = np.column_stack([X, X[:, :1] > 9, np.arange(400) % 2]).reshape(400, 2, 3)
    assert opposite_rows(pictures, np.where(np.arange(400) % 2, 1 - Y, Y)) is None


def test_what_two_columns_do_together_is_no_encoding():
    flag = RNG.integers(0, 2, 400)
    assert opposite_rows(np.column_stack([X, flag]), ((X[:, 0] > 0) ^ (flag == 1)) * 1.0) is None


@pytest.mark.parametrize("y", [X[:, 0], np.ones(400), np.arange(400) % 3])
def test_only_two_labels_can_be_the_other_way_round(y):
    assert opposite_rows(X, y) is None
