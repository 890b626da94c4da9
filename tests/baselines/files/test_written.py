"""Single values in a file."""

from __future__ import annotations

import math
import sys

import pytest

from pytest_converge.baselines.files.written import facts, number, numbers
from pytest_converge.core.errors import InvalidTrainingError


def test_numbers_have_nine_digits_or_a_name():
    assert numbers([1 / 3, math.nan, -math.inf]) == [0.333333333, "NaN", "-Infinity"]


def test_what_is_infinite_when_rounded_is_named_so():
    assert number(sys.float_info.max, 4) == "Infinity"


def test_facts_are_sorted_and_their_numbers_rounded():
    assert list(facts({"b": 1 / 3, "a": True}).items()) == [("a", True), ("b", 0.333333333)]


def test_facts_that_are_not_finite_are_refused():
    with pytest.raises(InvalidTrainingError, match="a finite number"):
        facts({"a": math.inf})
