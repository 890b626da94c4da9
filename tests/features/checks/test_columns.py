"""Checks of single columns."""

from __future__ import annotations

import pytest

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.features.checks import columns
from tests.features.checks.profiles import column, group

LIMITS = DataLimits()


@pytest.mark.parametrize(
    "check",
    [
        columns.columns_are_finite,
        columns.types_fit,
        columns.columns_vary,
        columns.columns_vary_enough,
        columns.columns_differ,
        columns.no_outliers,
    ],
)
def test_standardised_columns_pass(check):
    assert check(group(column("a"), column("b")), LIMITS) is None


def test_missing_and_infinite_values_are_counted():
    found = columns.columns_are_finite(
        group(column("a", infinite=1), column("b"), column("c", missing=250)), LIMITS
    )
    assert found.columns == ("c", "a")
    assert found.message == "250 missing and 1 infinite in c, a; 25 % of c"


def test_what_is_infinite_in_float32_is_reported():
    found = columns.columns_are_finite(group(column("a", overflow=True, high=1e39)), LIMITS)
    assert found.message.startswith("up to 1e39, infinite in float32 in a")


def test_a_wrong_type_is_said():
    found = columns.types_fit(group(column("a", wrong="numbers written as text")), LIMITS)
    assert found.message == "a holds numbers written as text"


CONSTANT = {"kind": "constant", "deviation": 0.0}


@pytest.mark.parametrize(
    ("value", "others", "names"),
    [
        (5.0, {}, ("c",)),
        (0.0, {}, ("c",)),
        (0.0, {"zeros": 0.9}, ()),  # padding, or a word that did not occur
        (1.0, {"zeros": 0.9}, ("c",)),
        (1.0, {"kind": "tokens", "dtype": "int64"}, ()),  # a mask
    ],
)
def test_a_constant_column_is_reported_where_it_is_no_padding(value, others, names):
    dtype = others.get("dtype", "float64")
    constant = column("c", low=value, high=value, mean=value, **CONSTANT, dtype=dtype)
    found = columns.columns_vary(group(column("a", **others), constant), LIMITS)
    assert (found.columns if found else ()) == names


def test_channels_of_images_may_be_constant():
    constant = column("c", low=1.0, high=1.0, **CONSTANT)
    assert columns.columns_vary(group(constant, shape="image"), LIMITS) is None


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"common": 0.4, "common_share": 0.997}, True),
        ({"common": 0.4, "common_share": 0.99}, False),
        ({"common": 0.0, "common_share": 0.997}, False),  # sparse
        ({"common": 0.4, "common_share": 0.997, "distinct": 2}, False),  # a rare flag
        ({"common": 0.4, "common_share": 0.997, "values": 100}, False),
        ({"mean": 1e6, "deviation": 0.5}, True),
        ({"mean": 1e6, "deviation": 5.0}, False),
        ({"common": 0.4, "common_share": 0.997, "kind": "one-hot"}, False),
    ],
)
def test_a_column_that_hardly_varies(values, reported):
    found = columns.columns_vary_enough(group(column("a", **values)), LIMITS)
    assert (found is not None) == reported


def test_copies_are_named_with_what_they_copy():
    twins = column("b", twin="a"), column("c", twin="a", twin_scaled=True), column("d", twin="a")
    found = columns.columns_differ(group(column("a"), *twins), LIMITS)
    assert found.message == "b is a, c is a on another scale and 1 more"
    assert found.columns == ("b", "c", "d")


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"far": 1, "high": 900.0, "deviation": 20.0}, True),  # squeezed
        ({"far": 1, "high": 900.0, "deviation": 5.0}, True),  # beyond 300 spreads
        ({"far": 1, "high": 90.0, "deviation": 5.0}, False),  # a heavy tail
        ({"far": 400, "high": 900.0, "deviation": 20.0}, False),  # two groups
        ({"far": 1, "high": 90.0, "deviation": 11.0}, False),  # near, in standard deviations
        ({"far": 1, "high": 900.0, "deviation": 20.0, "common_share": 0.8}, False),  # events
        ({"far": 1, "high": 900.0, "deviation": 20.0, "kind": "binary"}, False),
        ({"sentinel": 999.0, "high": 999.0}, True),
    ],
)
def test_outliers_leave_no_room_for_the_others(values, reported):
    found = columns.no_outliers(group(column("a", **values)), LIMITS)
    assert (found is not None) == reported


def test_a_mark_for_unknown_is_said():
    found = columns.no_outliers(group(column("a", sentinel=999.0, high=999.0, median=45.0)), LIMITS)
    assert found.message == "a: 999 stands apart, the others lie near 45"
