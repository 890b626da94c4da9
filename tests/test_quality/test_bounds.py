"""Bounds from the losses of several starts: closed forms, edges, and what they promise."""

from __future__ import annotations

import math
import random

import pytest

from pytest_converge.core.calibration import Candidate, LossBound
from pytest_converge.test_quality.bounds import (
    ENOUGH_POWER,
    FALSE_ALARM,
    SKEWED,
    bound_of,
    choose,
    t_quantile,
    t_tail,
)

HALVED = "learning rate x 0.5"
#: Student's t with 7 degrees of freedom at 1 - 0.001 / 5.
T_7 = 6.310769629


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    # scipy.stats.t.ppf of SciPy 1.17
    [
        (0.75, 1, 1.0),
        (0.999, 1, 318.3088389855),
        (0.999, 2, 22.32712477),
        (0.99, 4, 3.746947388),
        (0.999, 19, 3.579400149),
        (0.9999, 19, 4.589864596755),
        (0.975, 20, 2.085963447),
        (0.95, 200, 1.652508101),
        (0.01, 19, -2.539483191),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_of_the_t_distribution(probability, freedom, quantile):
    assert t_quantile(probability, freedom) == pytest.approx(quantile, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    # scipy.stats.t.sf of SciPy 1.17
    [
        (0.0, 5, 0.5),
        (1.0, 1, 0.25),
        (-1.0, 1, 0.75),
        (2.0, 2, 0.09175170953613696),
        (2.5, 19, 0.01087020558419872),
        (6.0, 19, 4.4896177362454e-06),
        (6.0, 20, 3.6218499652083e-06),
    ],
)
def test_tails_of_the_t_distribution(value, freedom, tail):
    assert t_tail(value, freedom) == pytest.approx(tail, rel=1e-5)


def losses_of(seed=0, count=20, spread=0.3, middle=0.1):
    rng = random.Random(seed)
    return [middle * math.exp(rng.gauss(0, spread)) for _ in range(count)]


# Mean and median are -2; the squares of the deviations add up to 2.58, above the median to 1.29.
SKEWED_LOGS = (-3, -2, -1, -2.5, -1.5, -2, -2.2, -1.8)


def test_the_bound_is_the_prediction_limit_of_the_logarithms():
    losses = [math.exp(value) for value in SKEWED_LOGS]
    limit = math.exp(-2 + T_7 * math.sqrt(1.29 / 3) * math.sqrt(9 / 8))
    bound = bound_of(losses, 100.0)
    assert bound.max_loss == pytest.approx(limit, rel=0.01)
    assert bound.max_loss >= limit * (1 - 1e-9)
    assert (bound.basis, bound.ceiling) == ("log", 1 / 9)
    assert 0.9 * FALSE_ALARM < bound.false_alarm <= FALSE_ALARM


def test_without_skew_the_standard_deviation_counts():
    logs = [-2 + 0.1 * i for i in (-4, -3, -2, -1, 1, 2, 3, 4)]
    losses = [math.exp(value) for value in logs]
    deviation, upper = math.sqrt(0.6 / 7), math.sqrt(0.3 / 4)
    assert deviation > upper
    limit = math.exp(-2 + T_7 * deviation * math.sqrt(9 / 8))
    assert bound_of(losses, 100.0).max_loss == pytest.approx(limit, rel=0.01)


def test_a_tail_to_the_right_widens_the_bound():
    left = [0.1 * math.exp(-0.1 * i * i / 20) for i in range(20)]
    right = [0.1 * 0.1 / loss for loss in left]
    stretch = [math.log(bound_of(losses, 10.0).max_loss / 0.1) for losses in (left, right)]
    assert stretch[1] - statistics_of(right) > 1.2 * (stretch[0] - statistics_of(left))


def statistics_of(losses):
    """The mean logarithm of losses over 0.1."""
    return sum(math.log(loss / 0.1) for loss in losses) / len(losses)


def test_a_bound_has_three_digits_and_its_rate_is_that_of_the_rounded_one():
    bound = bound_of(losses_of(), 10.0)
    assert float(f"{bound.max_loss:.3g}") == bound.max_loss
    tighter = bound_of(losses_of(), 10.0, alpha=0.01)
    assert tighter.max_loss < bound.max_loss
    assert bound.false_alarm <= FALSE_ALARM < tighter.false_alarm <= 0.01


def test_the_real_rate_is_the_stated_one_without_its_allowance_for_log_normal_losses():
    exceeded = 0
    for seed in range(1000):
        bound = bound_of(losses_of(seed, count=8), 10.0, alpha=0.01 * SKEWED)
        exceeded += sum(loss > bound.max_loss for loss in losses_of(10_000 + seed, count=20))
    assert 0.006 < exceeded / 20_000 < 0.0105


def test_no_bound_lies_below_a_loss_that_was_seen():
    losses = [0.1 + i / 1e6 for i in range(19)] + [0.5]
    bound = bound_of(losses, 10.0)
    assert bound.max_loss >= 0.505
    assert bound.false_alarm < FALSE_ALARM


def test_losses_below_zero_are_measured_from_a_floor_below_them():
    losses = [-1.0 + 0.01 * i for i in range(20)]
    bound = bound_of(losses, 1.0)
    # The median is 0.095 above the lowest, the floor half as much below it.
    logs = [math.log(0.01 * i + 0.0475) for i in range(20)]
    mean = sum(logs) / 20
    deviation = math.sqrt(sum((value - mean) ** 2 for value in logs) / 19)
    limit = -1.0475 + math.exp(mean + 3.579400149 * deviation * math.sqrt(21 / 20))
    assert bound.max_loss == pytest.approx(limit, abs=0.002)
    assert bound.basis == "shifted"
    assert bound.false_alarm <= FALSE_ALARM
    assert float(f"{bound.max_loss:.3g}") == bound.max_loss


def test_a_floor_lies_below_losses_that_are_mostly_the_same():
    bound = bound_of([-1.0] * 15 + [-0.9, -0.8, -0.7, -0.6, -0.5], 1e9)
    assert bound.basis == "shifted"
    assert bound.max_loss >= -0.495
    assert 0 < bound.false_alarm <= FALSE_ALARM


def test_losses_around_zero_have_a_bound_above_the_largest():
    bound = bound_of([-0.5 + 0.05 * i for i in range(20)], 5.0)
    assert bound.basis == "shifted"
    assert 0.46 <= bound.max_loss < 5.0


@pytest.mark.parametrize("losses", [[0.2] * 20, [0.1] * 10 + [0.2] * 10, [0.05, 0.1, 0.15, 0.2]])
def test_few_values_have_no_distribution(losses):
    bound = bound_of(losses, 10.0)
    assert bound.basis == "largest"
    assert bound.max_loss == 0.202
    assert bound.false_alarm == bound.ceiling == 1 / (len(losses) + 1)


def test_what_float32_cannot_tell_from_zero_is_allowed():
    losses = [1e-14 * (1 + 0.1 * i) for i in range(20)]
    assert bound_of(losses, 4.0).max_loss == pytest.approx(4 * 2**-23, rel=0.01)
    assert bound_of([0.0] * 20, 4.0).max_loss == pytest.approx(4 * 2**-23, rel=0.01)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_bound_where_a_start_is_not_finite(bad):
    assert bound_of([*losses_of(count=19), bad], 10.0) is None
    assert bound_of(losses_of(), bad) is None


def test_no_bound_that_an_untrained_model_meets():
    assert bound_of(losses_of(middle=1.0), 1.0) is None
    assert bound_of([0.96] * 20, 1.0) is None
    assert bound_of([0.93] * 20, 1.0) is not None
    assert bound_of([-1.0] * 20, -0.98) is None
    assert bound_of([-1.0] * 20, -0.9) is not None


def candidate(steps, power, *, name=HALVED, bound=True, red=0.0, **others):
    limit = LossBound(max_loss=0.1, basis="log", false_alarm=0.001, ceiling=1 / 21)
    return Candidate(
        steps=steps,
        bound=limit if bound else None,
        losses=(0.1,),
        red=red,
        power={name: power, **others},
    )


@pytest.mark.parametrize(
    ("powers", "steps"),
    [
        ((0.5, 0.95, 1.0), 2),
        ((1.0, 1.0, 1.0), 1),
        ((0.5, 0.94, 0.9), 2),
        ((0.5, 0.5, 0.5), 1),
        ((0.0, 0.0, 0.1), 3),
    ],
)
def test_the_fewest_steps_with_enough_power_else_the_best(powers, steps):
    assert ENOUGH_POWER == 0.95
    chosen = choose([candidate(i + 1, power) for i, power in enumerate(powers)], HALVED)
    assert chosen.steps == steps


def test_steps_without_a_bound_are_not_chosen():
    assert choose([candidate(1, 1.0, bound=False), candidate(2, 0.1)], HALVED).steps == 2
    assert choose([candidate(1, 1.0, bound=False)], HALVED) is None
    assert choose([], HALVED) is None


def test_steps_that_unchanged_starts_fail_by_another_gate_are_not_chosen():
    assert choose([candidate(1, 1.0, red=0.05), candidate(2, 0.1)], HALVED).steps == 2
    assert choose([candidate(1, 1.0, red=1.0)], HALVED) is None


def test_where_none_has_enough_power_all_changes_count():
    few, many = candidate(1, 0.5, frozen=0.2), candidate(2, 0.5, frozen=1.0)
    assert choose([few, many], HALVED).steps == 2
    assert choose([candidate(1, 0.9, frozen=0.0), candidate(2, 0.0, frozen=1.0)], HALVED).steps == 2


def test_another_change_decides_where_that_one_was_not_made():
    few, many = candidate(1, 0.5, name="frozen"), candidate(2, 1.0, name="frozen")
    assert choose([few, many], HALVED).steps == 2
