"""Rows that occur more than once."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.repeated_rows import repeated_rows

RNG = np.random.default_rng(0)


def groups(data):
    rows, numbers = repeated_rows(read_parts(data, "x"))
    return sorted(sorted(rows[numbers == n].tolist()) for n in np.unique(numbers))


def test_equal_rows_form_a_group():
    x = RNG.normal(size=(200, 5))
    x[7], x[90], x[150] = x[3], x[3], x[60]
    assert groups(x) == [[3, 7, 90], [60, 150]]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_equal_rows_of_every_type_are_found(dtype):
    x = (RNG.normal(size=(100, 60)) * 30).astype(dtype)
    x[99] = x[0]
    assert groups(x) == [[0, 99]]


def test_rows_that_differ_in_one_value_are_different():
    x = RNG.normal(size=(100, 60))
    x[99] = x[0]
    x[99, 59] += 1e-9
    assert groups(x) == []


def test_rows_of_which_the_first_columns_look_alike_are_told_apart():
    x = np.zeros((400, 33))
    x[:, 32] = np.arange(400) // 2  # left out by the first look, which takes every second column
    x[:, 31] = np.arange(400) // 2
    assert groups(x) == [[2 * i, 2 * i + 1] for i in range(200)]


def test_nan_is_the_same_as_nan():
    x = RNG.normal(size=(50, 3))
    x[4, 1] = np.nan
    x[30] = x[4]
    assert groups(x) == [[4, 30]]


def test_text_and_images_and_sparse_rows_are_compared():
    sparse = pytest.importorskip("scipy.sparse")
    table = {"a": np.array([1.0, 1.0, 1.0]), "city": np.array(["u", "v", "u"], object)}
    assert groups(table) == [[0, 2]]
    images = RNG.random((20, 8, 8, 1))
    images[9] = images[2]
    assert groups(images) == [[2, 9]]
    matrix = sparse.csr_matrix(np.concatenate([np.eye(4), np.eye(4)[:1]]))
    assert groups(matrix) == [[0, 4]]
