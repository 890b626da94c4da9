"""Columns that repeat another."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.profile import profile_columns

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 20_000))


def twins(*columns):
    found = profile_columns(read_parts(np.column_stack(columns), "x"))
    return [(column.twin, column.twin_scaled) for column in found]


def test_a_copy_is_named_after_the_first():
    assert twins(A, B, A, A) == [("", False), ("", False), *[("x[:, 0]", False)] * 2]


@pytest.mark.parametrize("copy", [1.8 * A + 32, -A, A * 1e-6, A + 100.0])
def test_a_copy_on_another_scale_is_found(copy):
    assert twins(A, copy) == [("", False), ("x[:, 0]", True)]


def test_a_copy_in_float32_is_found():
    columns = np.column_stack([A, 1.8 * A + 32]).astype("float32")
    found = profile_columns(read_parts(columns, "x"))
    assert found[1].twin == "x[:, 0]"


def test_one_row_makes_the_difference():
    other = A.copy()
    other[-1] += 1.0
    assert twins(A, other) == [("", False)] * 2


@pytest.mark.parametrize(
    "columns",
    [
        (A, B),
        (A, A + 0.001 * B),
        (A > 0, A <= 0),  # a flag and its opposite
        (np.arange(20_000) == 5, np.arange(20_000) == 5),  # two rare words
    ],
)
def test_columns_that_differ_or_are_rare_are_left_alone(columns):
    assert twins(*(column.astype(float) for column in columns)) == [("", False)] * 2


def test_gaps_at_the_same_places_are_the_same():
    a = np.where(np.arange(20_000) % 7, A, np.nan)
    assert twins(a, a)[1] == ("x[:, 0]", False)
