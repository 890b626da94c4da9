"""When rows that two sets share are no chance, and in which words."""

from __future__ import annotations

import pytest

from pytest_converge.core.overlap import RowOverlap


def overlap(**changed):
    return RowOverlap(**{"shared": 5, "rows": 100, "expected": 0.1, "p_value": 1e-5, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"p_value": 1e-4}, True),
        ({"p_value": 1.1e-4}, False),
        ({"shared": 1}, True),
        ({"shared": 9, "rows": 1000}, False),
    ],
)
def test_what_is_no_chance(changed, expected):
    assert overlap(**changed).is_no_chance is expected


def test_the_words():
    assert overlap().in_words("x") == "5 of 100 rows of x are trained on, 0.1 by chance"
    assert overlap(expected=0.05).in_words("x").endswith("0.05 by chance")
    assert overlap(expected=0.04).in_words("x").endswith("none by chance")
