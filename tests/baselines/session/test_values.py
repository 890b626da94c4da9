"""Small questions about runs and settings."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.session.values import (
    broken,
    differences,
    exponential,
    medians,
    remembered,
)
from tests.baselines.gate.cases import runs


def test_runs_are_remembered_as_they_are_made():
    made, given = [], runs([0.1, 0.2, 0.3])
    passed_on = remembered(iter(given), made)
    assert made == []
    assert next(passed_on) is given[0]
    assert made == [given[0]]
    assert [*passed_on] == made[1:] == [*given[1:]]


def test_what_differs_is_listed_by_name():
    found = differences({"steps": 200, "b": 1, "same": 0}, {"steps": 300, "a": 2, "same": 0})
    assert [(d.name, d.recorded, d.present) for d in found] == [
        ("a", None, 2),
        ("b", 1, None),
        ("steps", 200, 300),
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_run_is_broken_by_any_score(bad):
    whole, half = runs([0.1, 0.2], [0.3, bad])
    assert broken([whole, half]) == [half]


def test_a_score_beyond_all_floats_is_an_infinite_loss():
    assert exponential(0.0) == 1.0
    assert exponential(1e4) == math.inf
    assert exponential(-math.inf) == 0.0


def test_a_median_is_one_of_the_runs_own():
    assert medians(runs([0.4, 0.1, 0.2, 0.9], [1.0, 1.0, 3.0, 2.0])) == (0.2, 1.0)
