"""Gates on the course of the loss: how far it falls, and whether it falls all the way."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.decrease import (
    loss_decreases,
    loss_falls_monotonically,
    may_rise_between,
    median_of_three,
    rises,
)
from pytest_converge.core.expectation import Expectation
from tests.checks import curves
from tests.checks.curves import STEPS, record_of, record_of_batches

HEALTHY = [
    curves.noisy_decay,
    curves.recovered_spike,
    curves.cyclic_restarts,
    curves.late_breakthrough,
]
BAD = [
    (curves.flat, 1.0),
    (curves.reversed_decay, 1.0),
    (curves.half_u, 1.0),
    (curves.tiny_decrease, 1.0),
    (curves.diverging, 1.0),
    (curves.oscillating, 0.95),
]
BY_DEFAULT = Expectation()
EPS = 1e-6


def is_red(losses, expectation=BY_DEFAULT):
    record = record_of(losses)
    gates = (loss_decreases, loss_falls_monotonically)
    return any(gate(record, expectation) is not None for gate in gates)


def course(losses, **expectation):
    return loss_falls_monotonically(record_of(losses), Expectation(**expectation))


def name_of(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("make", HEALTHY, ids=name_of)
def test_no_healthy_curve_is_red(make):
    red = [i for i, losses in enumerate(curves.family(make, 500)) if is_red(losses)]
    assert red == []


@pytest.mark.parametrize(("make", "at_least"), BAD, ids=name_of)
def test_bad_curves_are_red(make, at_least):
    red = sum(is_red(losses) for losses in curves.family(make, 500))
    assert red / 500 >= at_least


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("make", [*HEALTHY, *(make for make, _ in BAD)], ids=name_of)
def test_the_unit_of_the_loss_does_not_matter(make, scale):
    for losses in curves.family(make, 50):
        assert is_red(losses) == is_red([scale * loss for loss in losses])


@pytest.mark.parametrize("make", [*HEALTHY, curves.half_u, curves.oscillating], ids=name_of)
def test_an_offset_of_the_loss_does_not_matter_to_its_course(make):
    """A log-likelihood falls from -2 to -5 as a squared error falls from 5 to 2."""
    for losses in curves.family(make, 50):
        moved = [loss - 10 * max(losses) for loss in losses]
        assert (course(losses) is None) == (course(moved) is None)


@pytest.mark.parametrize(
    ("first", "last", "demanded", "passes"),
    [
        (1.0, 0.95 - EPS, None, True),
        (1.0, 0.95 + EPS, None, False),
        (200.0, 190.0 - EPS, None, True),
        (200.0, 190.0 + EPS, None, False),
        (1.0, 0.5, 0.5, True),
        (1.0, 0.5 + EPS, 0.5, False),
        (1.0, 0.0, 1.0, True),
        (1.0, EPS, 1.0, False),
        (1.0, 1.0, 0.0, True),
        (1.0, 1.0 + EPS, 0.0, False),
        (-1.0, -1.05 - EPS, None, True),
        (-1.0, -1.05 + EPS, None, False),
        (-1.0, -0.5, None, False),
        (0.1, -5.0, 1.0, True),
        (0.0, 0.0, None, False),
        (0.0, -1.0, None, True),
    ],
)
def test_the_share_of_the_initial_loss_that_is_gone(first, last, demanded, passes):
    finding = loss_decreases(record_of([first, last]), Expectation(min_decrease=demanded))
    assert (finding is None) == passes


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([2.0, 1.98], "the loss fell by 1 % in 320 steps (2.000 to 1.980), min_decrease=0.05"),
        ([2.0, 2.5], "the loss did not fall in 320 steps (2.000 to 2.500), min_decrease=0.05"),
        ([2.0, 2.0], "the loss did not fall in 320 steps (2.000 to 2.000), min_decrease=0.05"),
        ([-0.0, -0.0], "the loss did not fall in 320 steps (0 to 0), min_decrease=0.05"),
    ],
)
def test_what_is_said_of_a_loss_that_does_not_fall(losses, message):
    finding = loss_decreases(record_of(losses), BY_DEFAULT)
    assert (finding.code, finding.fails, finding.message) == ("not-decreasing", True, message)
    assert finding.evidence == {
        "initial_loss": losses[0],
        "final_loss": losses[-1],
        "min_decrease": 0.05,
    }


def test_a_bound_takes_the_place_of_the_default_decrease():
    flat = record_of([1.0] * 33)
    assert loss_decreases(flat, Expectation(max_loss=2.0)) is None
    assert loss_decreases(flat, Expectation(max_loss=2.0, min_decrease=0.05)) is not None


def test_without_a_probe_set_medians_of_batch_losses_are_judged():
    losses = [1.0 + 0.5 * (-1) ** i for i in range(320)]
    assert loss_decreases(record_of_batches(losses), BY_DEFAULT) is not None
    falling = [loss * math.exp(-i / 100) for i, loss in enumerate(losses)]
    record = record_of_batches(falling)
    assert loss_decreases(record, BY_DEFAULT) is None
    assert loss_falls_monotonically(record, BY_DEFAULT) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", [0, 16, 32])
@pytest.mark.parametrize("monotone", ["trend", "strict"])
def test_a_loss_that_is_not_finite_is_left_to_its_own_gate(bad, where, monotone):
    losses = [5.0 + (i % 2) for i in range(33)]
    losses[where] = bad
    assert course(losses, monotone=monotone) is None
    if where != 16:
        assert loss_decreases(record_of(losses), BY_DEFAULT) is None


@pytest.mark.parametrize("losses", [[1.0], [1.0, 2.0]])
def test_two_points_are_no_course(losses):
    assert course(losses) is None


# From 1 to 0.2, so that 15 % of the drop are 0.12.
@pytest.mark.parametrize(
    ("lowest", "passes"), [(0.2, True), (0.08 + EPS, True), (0.08 - EPS, False), (0.0, False)]
)
def test_the_end_stands_at_most_15_percent_of_the_drop_above_the_lowest_loss(lowest, passes):
    losses = [1.0, 0.5, *[lowest] * 20, *[0.2] * 10]
    assert (course(losses) is None) == passes


# From 1 to 0 over 32 checkpoints; the losses that are high stand at 0.15 +- EPS above the lowest.
@pytest.mark.parametrize(
    ("rise", "count", "passes"),
    [
        (0.15 + EPS, 8, True),
        (0.15 + EPS, 9, False),
        (0.15 - EPS, 9, True),
        (0.15 - EPS, 28, True),
        (100.0, 8, True),
        (100.0, 9, False),
    ],
)
def test_a_rise_that_comes_down_again_may_last_a_quarter_of_the_run(rise, count, passes):
    losses = [1.0, 0.3, 0.3, *[0.3 + rise] * count]
    losses += [0.0] * (32 - len(losses))
    assert (course(losses) is None) == passes


def test_one_spike_hides_nothing_and_shows_nothing():
    losses = [1.0 - i / 32 for i in range(33)]
    losses[16] = 1e6
    assert course(losses) is None
    losses[17] = 1e6
    losses[18:26] = [2.0] * 8
    assert course(losses) is not None


def test_a_rise_at_the_very_end_has_not_come_down_again():
    losses = [1.0 - i / 64 for i in range(33)]
    assert course(losses) is None
    losses[-1] = 0.7
    assert course(losses).message.endswith("stayed high to the end")


def test_a_dip_of_one_checkpoint_is_no_minimum():
    losses = [1.0 - i / 64 for i in range(33)]
    losses[10] = 0.0
    assert course(losses) is None


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (
            [2.0, 1.0, 1.0, 1.0, 1.5, 1.5, 1.5, 1.5, 1.5],
            (
                "the loss rose by 0.5000 up to step 320 (100 % of its whole drop) and stayed high"
                " to the end"
            ),
        ),
        (
            [2.0, 1.0, 1.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0],
            (
                "the loss rose by 2.000 up to step 200 (200 % of its whole drop) and stayed high"
                " for 33 % of the run"
            ),
        ),
        (
            [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0],
            (
                "the loss rose by 1.000 up to step 320 (and does not end lower) and stayed high"
                " to the end"
            ),
        ),
        (
            [2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0],
            (
                "the loss rose by 1.000 up to step 320 (and does not end lower) and stayed high"
                " to the end"
            ),
        ),
    ],
)
def test_what_is_said_of_a_loss_that_rises(losses, message):
    finding = course(losses)
    assert (finding.code, finding.fails) == ("not-monotone", True)
    assert finding.message == message
    assert finding.evidence["drop"] == losses[0] - losses[-1]
    assert finding.evidence.keys() == {"rise", "drop", "step", "share_of_run"}


def test_a_loss_that_stands_as_high_as_is_allowed_is_not_high():
    assert course([0.0] * 9) is None
    end_at_the_limit = [23.0, 0.0, 0.0, 10.0, 10.0, 10.0, 10.0, 3.0, 3.0]
    assert course(end_at_the_limit).message.endswith("stayed high for 44 % of the run")


@pytest.mark.parametrize("monotone", ["trend", "strict"])
def test_rises_below_max_loss_do_not_count(monotone):
    arrived = [1.0, 0.5, 0.1, *[0.01 + 0.08 * (i % 2) for i in range(30)]]
    assert course(arrived, max_loss=0.1, monotone=monotone) is None
    assert course([100 * loss for loss in arrived], max_loss=10, monotone=monotone) is None


def test_only_the_part_of_a_rise_above_max_loss_counts():
    # From 1 to 0.2: 0.12 are allowed, 0.19 are risen, 0.09 of them above the bound.
    losses = [1.0, 0.5, *[0.01] * 20, *[0.2] * 10]
    assert course(losses) is not None
    assert course(losses, max_loss=0.11) is None
    assert course(losses, max_loss=0.07) is not None


@pytest.mark.parametrize("make", [curves.half_u, curves.diverging], ids=name_of)
def test_a_low_bound_excuses_nothing(make):
    for losses in curves.family(make, 100):
        assert course(losses, max_loss=min(losses) / 2) is not None


@pytest.mark.parametrize(
    ("losses", "passes"),
    [
        ([3.0, 2.0, 1.0], True),
        ([3.0, 3.0, 3.0], True),
        ([3.0, 2.0, 2.0 * (1 + 0.5e-6)], True),
        ([3.0, 2.0, 2.0 * (1 + 2e-6)], False),
        ([99.0, 2.0, 2.0 * (1 + 2e-6)], False),
        ([1.0, 0.0, 0.0], True),
        ([1.0, 1.1, 0.1], False),
        ([-1.0, -2.0, -3.0], True),
        ([-1.0, -3.0, -2.9], False),
        ([10.0, 1.0, 1.001, 0.5], False),
        ([2.0 * (1 + n * 0.9e-6) for n in range(32)], False),
        ([3.0, 2.0, *(2.0 * (1 + 0.9e-6), 2.0) * 9], True),
    ],
)
def test_strict_allows_no_rise_but_that_of_rounding(losses, passes):
    assert (course(losses, monotone="strict") is None) == passes


@pytest.mark.parametrize("make", [make for make, _ in [*BAD, *zip(HEALTHY, HEALTHY, strict=True)]])
def test_what_falls_strictly_has_the_trend_too(make):
    for losses in curves.family(make, 100):
        assert course(losses, monotone="strict") or not course(losses)


def test_strict_names_the_first_rise():
    finding = course([4.0, 3.0, 3.5, 9.0, 1.0], monotone="strict")
    assert finding.code == "not-monotone"
    assert finding.message == (
        f"the loss rose from 3.000 to 3.500 between steps {STEPS // 4} and {STEPS // 2},"
        " monotone='strict'"
    )
    assert finding.evidence == {"rise": 0.5}
    last = course([4.0, 3.0, 3.0, 9.0, 1.0], monotone="strict")  # the last of equal losses
    assert f"between steps {STEPS // 2} and {3 * STEPS // 4}," in last.message
    small = course([4.0, 2.0, 2.00001, 1.0], monotone="strict")
    assert small.message.startswith("the loss rose from 2.0 to 2.00001 between steps")


@pytest.mark.parametrize("make", [make for make, _ in BAD], ids=name_of)
def test_off_lets_every_course_pass(make):
    assert all(course(losses, monotone="off") is None for losses in curves.family(make, 20))


def test_off_still_demands_a_decrease():
    flat = record_of([1.0] * 33)
    assert loss_decreases(flat, Expectation(monotone="off")) is not None


@pytest.mark.parametrize(
    ("losses", "smooth"),
    [
        ([1.0, 9.0, 2.0], [1.0, 2.0, 2.0]),
        ([9.0, 1.0, 2.0, 8.0, 3.0], [9.0, 2.0, 2.0, 3.0, 3.0]),
    ],
)
def test_median_of_three_keeps_the_ends(losses, smooth):
    assert median_of_three(losses) == smooth


def test_rises_are_measured_from_the_lowest_loss_so_far():
    assert rises([3.0, 4.0, 2.0, 2.5, 1.0]) == [0.0, 1.0, 0.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("losses", "expectation", "expected"),
    [
        ([1.0, 0.8, 0.5, 0.2], {}, False),
        # 14 % and 16 % of the whole drop above the lowest so far.
        ([1.0, 0.5, 0.64, 0.0], {}, False),
        ([1.0, 0.5, 0.66, 0.0], {}, True),
        # Below the bound there is no rise.
        ([1.0, 0.5, 0.66, 0.0], {"max_loss": 0.7}, False),
        ([1.0, 0.5, 0.66, 0.0], {"monotone": "off"}, False),
        ([1.0, 0.8, 0.5, 0.2], {"monotone": "strict"}, True),
    ],
)
def test_what_few_checkpoints_may_hide(losses, expectation, expected):
    assert may_rise_between(record_of(losses), Expectation(**expectation)) is expected


@pytest.mark.parametrize("make", [curves.oscillating, curves.half_u], ids=name_of)
def test_few_checkpoints_hide_no_curve_that_all_of_them_show(make):
    hidden = 0
    for losses in curves.family(make, 500):
        few = [losses[i] for i in (0, 3, 8, 11, 16, 19, 24, 27, 32)]
        passes = not is_red(few) and not may_rise_between(record_of(few), BY_DEFAULT)
        hidden += passes and is_red(losses)
    assert hidden == 0
