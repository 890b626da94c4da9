"""Scores of a run: mean log losses, and what has none."""

from __future__ import annotations

import itertools
import math

import pytest

from pytest_converge.baselines.gate.scores import kept_points, metric_score, scores, unscorable
from pytest_converge.core.errors import InvalidTrainingError


def test_scores_are_mean_logarithms_of_the_whole_curve_and_its_last_half():
    losses = [math.e**3, math.e**2, math.e, 1.0]
    assert scores(losses) == pytest.approx((1.5, 0.5))


@pytest.mark.parametrize(
    ("losses", "late"),
    [([math.e], 1.0), ([1.0, math.e], 1.0), ([1.0, math.e, math.e**3], 2.0)],
)
def test_the_last_half_has_the_middle_loss_of_an_odd_number(losses, late):
    assert scores(losses)[1] == pytest.approx(late)


def test_a_loss_that_is_larger_by_a_factor_is_worse_by_its_logarithm():
    losses = [3.0, 2.0, 1.5, 0.7, 0.3]
    better, worse = scores(losses), scores([1.1 * loss for loss in losses])
    for a, b in zip(better, worse, strict=True):
        assert b - a == pytest.approx(math.log(1.1))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_run_that_is_not_finite_has_the_worst_score(bad, at):
    losses = [1.0, 2.0, 3.0, 4.0]
    losses[at] = bad
    assert scores(losses) == (math.inf, math.inf)
    assert unscorable(losses) == unscorable([bad]) == ""


def test_zeros_and_losses_below_rounding_count_as_a_billionth_of_the_largest():
    floor = math.log(2e-9)
    assert scores([2.0, 0.0])[1] == pytest.approx(floor)
    assert scores([2.0, 1e-30])[1] == pytest.approx(floor)
    assert scores([2.0, -1e-10])[1] == scores([2.0, -2e-9])[1] == pytest.approx(floor)
    assert scores([2.0, 4e-9])[1] == pytest.approx(math.log(4e-9))
    assert scores([1.0, 2.0, 0.0, 0.0])[1] == pytest.approx(floor)  # of the largest, not the first


def test_losses_that_are_all_zero_have_a_finite_score():
    assert all(map(math.isfinite, scores([0.0, 0.0, 0.0])))


@pytest.mark.parametrize("losses", [[1.0, -0.5], [-3.0], [1.0, -1e-8], [math.nan, -1.0, 0.5]])
def test_negative_losses_are_refused_with_the_way_out(losses):
    assert "negative losses, down to" in unscorable(losses)
    with pytest.raises(InvalidTrainingError, match="metric="):
        scores(losses)


def test_no_losses_are_refused():
    assert unscorable([]) == "a training without a step"
    with pytest.raises(InvalidTrainingError) as caught:
        scores([])
    assert str(caught.value) == (
        "got a training without a step; expected losses that are positive. "
        "Give metric= something that has a best value, or add a constant to the loss."
    )


def test_scores_have_the_digits_of_a_file_so_that_a_repeated_run_ties():
    for score in (*scores([1.234567891234, 0.3]), metric_score(2 / 3, higher_is_better=False)):
        assert score == float(f"{score:.9g}")
    assert metric_score(2 / 3, higher_is_better=False) == 0.666666667


@pytest.mark.parametrize(
    ("value", "higher_is_better", "score"),
    [
        (0.25, False, 0.25),
        (0.25, True, -0.25),
        (math.nan, True, math.inf),
        (math.inf, True, math.inf),
        (-math.inf, False, math.inf),
    ],
)
def test_a_metric_is_its_own_score_and_lower_is_better(value, higher_is_better, score):
    assert metric_score(value, higher_is_better=higher_is_better) == score


@pytest.mark.parametrize("count", [1, 9, 10, 11, 63, 64])
def test_a_short_curve_is_kept_whole(count):
    steps, losses = range(1, count + 1), [1.0 / step for step in range(1, count + 1)]
    assert kept_points(steps, losses) == (tuple(steps), tuple(losses))


@pytest.mark.parametrize("count", [65, 66, 100, 117, 118, 119, 200, 1000, 12345])
def test_a_long_curve_keeps_64_points_the_first_ten_and_the_last(count):
    steps, kept = kept_points(range(1, count + 1), [float(i) for i in range(1, count + 1)])
    assert len(steps) == 64
    assert steps[:10] == tuple(range(1, 11))
    assert steps[-1] == count
    assert kept == tuple(map(float, steps))
    gaps = [b - a for a, b in itertools.pairwise(steps[9:])]
    assert min(gaps) >= 1
    assert max(gaps) - min(gaps) <= 1
