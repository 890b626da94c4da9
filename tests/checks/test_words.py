"""Numbers inside sentences."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.words import number, share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.123456, "0.1235"),
        (123456.0, "1.235e+05"),
        (2.0, "2"),
        (-0.00001234567, "-1.235e-05"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_a_number_has_four_significant_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.153, "15 %"), (0.0, "0 %"), (2.5, "250 %")])
def test_a_share_is_a_percentage(value, text):
    assert share(value) == text
