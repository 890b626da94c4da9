"""Scores side by side: ranks, differences on the same seed, and what they mean."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.gate.comparison import (
    Comparison,
    ScoreScale,
    compare_scores,
    pairs_p,
)
from tests.baselines.gate.cases import RISING, runs


def comparison(new, baseline=RISING, tolerance=0.05):
    scale = ScoreScale(logarithmic=False)
    return Comparison(baseline=baseline, new=tuple(new), scale=scale, tolerance=tolerance)


@pytest.mark.parametrize(
    "scale", [ScoreScale(logarithmic=True), ScoreScale(logarithmic=False, unit=0.8)]
)
@pytest.mark.parametrize("effect", [-0.5, 0.0, 0.05, 3.0])
def test_an_effect_and_the_difference_it_makes_are_inverse(scale, effect):
    assert scale.effect(scale.shift(effect)) == pytest.approx(effect)


def test_a_ratio_of_losses_beyond_all_floats_is_infinite():
    assert ScoreScale(logarithmic=True).effect(1e4) == math.inf
    assert ScoreScale(logarithmic=False).effect(1e4) == 1e4


def test_ranks_count_what_is_better_beyond_the_tolerance():
    assert comparison([-1.0, 0.04, 0.06, 0.16, 5.0]).ranks == (0, 0, 1, 2, 20)


def test_each_new_run_is_compared_with_the_run_of_its_seed():
    assert comparison([0.2, 0.1]).excess == pytest.approx((0.2, 0.0))
    assert comparison([0.2, 0.1, 0.5]).median_excess == pytest.approx(0.2)


def test_two_runs_that_diverged_alike_are_equal():
    diverged = comparison([math.inf, 0.0], baseline=(math.inf, math.inf))
    assert diverged.excess == (0.0, -math.inf)
    assert comparison([math.inf, -math.inf]).median_excess == 0.0


def test_above_and_below_are_meant_beyond_the_tolerance():
    top, bottom = max(RISING), min(RISING)
    assert comparison([top + 0.06]).all_above()
    assert not comparison([top + 0.04]).all_above()
    assert comparison([bottom - 0.06]).all_below()
    assert not comparison([bottom - 0.04]).all_below()


def test_worse_runs_make_a_low_p_and_better_ones_the_other():
    worse, better = comparison([3.0] * 4), comparison([-3.0] * 4)
    assert max(worse.p_worse(), better.p_better()) < 1e-3
    assert min(worse.p_better(), better.p_worse()) > 0.9
    assert better.moved(6.0).p_worse() == worse.p_worse()


def test_both_p_are_of_pairs_that_differ_by_more_than_the_tolerance():
    # All of 80 pairs come in one order of 24 values, and 76 or more in 1 + 1 + 2 + 3 + 5.
    all_pairs, some_pairs = 1 / math.comb(24, 4), 12 / math.comb(24, 4)
    top, bottom = max(RISING), min(RISING)
    assert comparison([bottom - 0.06] * 4).p_better() == pytest.approx(all_pairs)
    assert comparison([bottom - 0.04] * 4).p_better() == pytest.approx(some_pairs)
    assert comparison([top + 0.06] * 4).p_worse() == pytest.approx(all_pairs)
    assert comparison([top + 0.04] * 4).p_worse() == pytest.approx(some_pairs)


def test_every_score_is_compared_in_its_own_unit():
    losses, metric = compare_scores(
        runs(RISING, [-0.8] * 20), runs([0.3], [-0.7]), tolerance=0.05, logarithmic=False
    )
    assert (losses.baseline, losses.new) == (RISING, (0.3,))
    assert metric.scale == ScoreScale(logarithmic=False, unit=0.8)
    assert metric.tolerance == pytest.approx(0.04)
    (logarithmic,) = compare_scores(runs(RISING), runs([0.3]), tolerance=0.05, logarithmic=True)
    assert logarithmic.tolerance == pytest.approx(math.log(1.05))


@pytest.mark.parametrize("values", [[0.0] * 20, [math.inf] * 20])
def test_a_metric_without_a_size_has_the_unit_1(values):
    (part,) = compare_scores(runs(values), runs([0.3]), tolerance=0.05, logarithmic=False)
    assert part.scale.unit == 1.0


@pytest.mark.parametrize(
    ("baseline", "new"),
    [
        ((*runs(RISING[:1]), *runs(RISING[1:], RISING[1:], first=1)), runs([0.3])),
        (runs(RISING), (*runs([0.3]), *runs([0.4], [0.4], first=1))),
        (runs(RISING), runs([0.3], [0.3])),
        (runs(RISING, RISING), runs([0.3])),
    ],
)
def test_no_score_is_left_out_where_runs_have_different_numbers_of_them(baseline, new):
    with pytest.raises(ValueError, match="zip"):
        compare_scores(baseline, new, tolerance=0.05, logarithmic=True)


def test_no_pair_is_left_out_where_scores_have_different_numbers_of_runs():
    with pytest.raises(ValueError, match="zip"):
        pairs_p([comparison([0.1, 0.2]), comparison([0.1])])
