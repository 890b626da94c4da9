"""Rows that a value of a column, or their place, tells from the others."""

import numpy as np
import pytest

from pytest_converge.columns.told_rows import MOST_VALUES, ToldRows, told_by_columns, told_by_place

X = np.arange(20.0).reshape(10, 2)


@pytest.mark.parametrize(
    ("rows", "among", "index", "words"),
    [
        (ToldRows(column=1, value=5.0), [2], "x[:, 1] == 5", "where x[:, 1] is 5"),
        (ToldRows(begin=8), [8, 9], "8:", "from row 8 on"),
        (ToldRows(end=2), [0, 1], ":2", "in the first 2 rows"),
    ],
)
def test_rows_are_picked_as_their_code_picks_them(rows, among, index, words):
    assert np.flatnonzero(rows.among(X)).tolist() == among
    assert (rows.index, rows.words) == (index, words)
    picked = eval(f"np.arange(10)[{index}]", {"np": np, "x": X})  # noqa: S307
    assert picked.tolist() == among


def test_the_fewer_rows_are_told_by_their_place():
    assert told_by_place(7, 10) == ToldRows(begin=7)
    assert told_by_place(3, 10) == ToldRows(end=3)


def test_of_every_third_row_the_place_is_three_times_as_far():
    assert told_by_place(3, 10).of_every(3) == ToldRows(end=9)
    assert ToldRows(column=0, value=1.0).of_every(3) == ToldRows(column=0, value=1.0)


def test_columns_of_few_values_tell_rows():
    table = np.stack([np.arange(30) % 3, np.arange(30) < 4, np.arange(30), np.ones(30)], axis=1)
    assert MOST_VALUES < 30
    found = [(part.column, part.value) for part in told_by_columns(table)]
    assert found == [(0, 0.0), (0, 1.0), (0, 2.0), (1, 1.0)]
