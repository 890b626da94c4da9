"""Types that do not suit their values."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.profile import profile_columns


def column(values):
    return profile_columns(read_parts({"a": values}, "x"))[0]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (["12.5", "1,200", "-3e5"] * 20, "numbers written as text"),
        ([*["12.5"] * 19, "n/a"], "numbers written as text, beside 'n/a'"),
        (["1985", "2003"] * 20, "numbers written as text"),
        (["01067", "53111"] * 20, ""),
        (["3011", "8001"] * 20, ""),
        (["red", "green"] * 20, ""),
        (np.array([1.5, 2, None] * 9, object), "numbers kept as Python objects"),
        (np.array([1.5, "2"], object), "numbers and text mixed (1 of 2 are text)"),
        (np.array([{}, {}], object), "objects of the type dict"),
        (np.array(["2020-01-01"], "datetime64[D]"), "dates (datetime64[D])"),
        (np.array([1j, 2.0]), "complex numbers"),
    ],
)
def test_what_is_wrong_with_a_column_that_holds_no_numbers(values, wrong):
    assert column(np.asarray(values)).wrong == wrong


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_ids_that_float32_cannot_tell_apart(dtype):
    ids = np.arange(2**30, 2**30 + 500).astype(dtype)
    assert column(ids).wrong.startswith("whole numbers beyond 2**24: float32 tells")
    assert column(np.arange(500).astype(dtype)).wrong == ""
    assert column(ids + (0.5 if dtype == "float64" else -(2**30))).wrong == ""


def test_what_is_missing_among_objects_is_counted():
    found = column(np.array(["u", None, float("nan"), "v"], object))
    assert (found.missing, found.distinct, found.kind) == (2, 2, "text")
    assert column(np.array([None, None], object)).kind == "empty"


def test_dates_that_are_missing_are_counted():
    assert column(np.array(["2020-01-01", "NaT"], "datetime64[D]")).missing == 1
