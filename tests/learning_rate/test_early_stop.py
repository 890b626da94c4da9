"""When a training of a sweep may be broken off."""

from __future__ import annotations

import math

import pytest

from pytest_converge.learning_rate.early_stop import behind, forecast_misses, hit, stuck

STEPS = 160


def falling(rate, steps=STEPS, until=None):
    """An exponential decay: half of the loss every 20 steps at rate 1."""
    points = range(0, (until or steps) + 1, 10)
    return [(step, 2.0 ** (-rate * step / 20)) for step in points]


def test_the_step_at_which_the_target_is_reached_is_interpolated():
    assert hit(falling(1.0), 0.25) == pytest.approx(40)
    assert hit(falling(1.0), 0.3) == pytest.approx(20 * math.log2(1 / 0.3))
    assert hit([(0, 1.0), (10, -1.0)], 0.0) == pytest.approx(5)
    assert hit(falling(1.0), 1e-9) is None
    assert hit(falling(1.0), 2.0) == 0


@pytest.mark.parametrize("ratio", [10, 100, 1e4])
def test_a_low_rate_that_cannot_arrive_is_cut(ratio):
    course = falling(1 / ratio, until=10)
    assert forecast_misses(course, falling(1.0), ratio, target=0.1)


@pytest.mark.parametrize("ratio", [1.2, 2.0, 4.0])
def test_a_low_rate_that_may_arrive_is_not(ratio):
    # Reaches 0.1 after 66 steps at rate 1, after 133 at half of it.
    course = falling(1 / ratio, until=10)
    assert not forecast_misses(course, falling(1.0), ratio, target=0.1)


def test_a_low_rate_that_is_faster_than_forecast_is_not_cut():
    assert not forecast_misses(falling(0.5, until=10), falling(1.0), 100, target=0.1)


FLAT = [(step, 1.0 - step / 1e5) for step in range(0, 41, 10)]
RISING = [(step, 1.0 + step) for step in range(0, 21, 10)]


def test_a_run_that_leads_nowhere_is_cut_after_a_quarter():
    assert not stuck(FLAT[:4], 0.1, STEPS)
    assert stuck(FLAT, 0.1, STEPS)


def test_a_run_that_leads_far_upwards_is_cut_after_an_eighth():
    assert not stuck(RISING[:2], 0.1, STEPS)
    assert stuck(RISING, 0.1, STEPS)
    assert stuck([(0, 1.0), (10, math.inf), (20, math.inf)], 0.1, STEPS)


def test_a_run_on_its_way_back_is_not_cut():
    leap = [(0, 1.0), (10, 100.0), (20, 60.0), (30, 30.0), (40, 12.0)]
    assert not stuck(leap, 0.1, STEPS)
    assert not behind(leap, falling(1.0), 0.1, STEPS)


def test_a_run_that_is_done_is_never_stuck():
    assert not stuck([(0, 1.0), (40, 1.0)], 1.0, STEPS)


def test_a_high_rate_that_stands_far_behind_a_lower_one_is_cut():
    standing = [(0, 1.0), (10, 0.8), (20, 0.85), (30, 0.8), (40, 0.8)]
    assert behind(standing, falling(1.0), 0.1, STEPS)
    assert not behind(standing[:3], falling(1.0), 0.1, STEPS)
    assert behind(FLAT[:3], falling(1.0), 0.1, STEPS)


def test_a_high_rate_that_goes_on_is_not_cut():
    going = [(0, 1.0), (10, 0.95), (20, 0.9), (30, 0.8), (40, 0.7)]
    assert not behind(going, falling(1.0), 0.1, STEPS)
    assert not behind(falling(2.0, until=40), falling(1.0), 0.1, STEPS)
