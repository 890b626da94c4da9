"""Where a loss stands on an axis."""

from __future__ import annotations

import math

import pytest

from pytest_converge.report.charts.loss_axis import ABOVE, BELOW, NOWHERE, loss_axis

FALLING = [2.0 * 0.9**i for i in range(40)]


@pytest.mark.parametrize(
    ("losses", "log"),
    [
        ((1.0, 0.5), False),
        ((1000.0, 1.0), True),
        ((1000.0, 0.0, 1.0), True),  # a loss of exactly 0
        ((1000.0, 0.0), False),  # nothing but 0 is below
        ((1000.0, 1.0, -1.0), False),
        ((0.0, 0.0), False),
        ((math.nan, math.inf), False),
        ((1.0, 1.0, 1e9, 1.0), False),  # a spike
    ],
)
def test_it_is_logarithmic_where_the_losses_span_a_factor(losses, log):
    assert loss_axis([losses]).log is log


def test_a_bound_is_on_it():
    axis = loss_axis([(1.0, 0.9)], bounds=[1e-4])
    assert axis.log
    assert axis.low < 1e-4
    assert axis.high > 1.0


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
@pytest.mark.parametrize("spike", [1e4, 1e270, 1e-12])
def test_one_spike_does_not_squeeze_the_rest(spike, scale):
    losses = [loss * scale for loss in FALLING]
    losses[20] *= spike
    axis, calm = loss_axis([losses]), loss_axis([[loss * scale for loss in FALLING]])
    assert (axis.low, axis.high) == pytest.approx((calm.low, calm.high), rel=0.05)
    assert axis.off_the_scale(range(40), losses) == [
        (ABOVE if spike > 1 else BELOW, 20, losses[20])
    ]


def test_a_small_spike_stays_on_it():
    axis = loss_axis([[1.0, 1.0, 0.9, 1.25, 0.8, 0.7]])
    assert axis.low < 0.7
    assert axis.high > 1.25


def test_the_first_and_the_last_loss_are_never_cut_off():
    assert loss_axis([[106.0, 1.1, 1.0, 1.0, 1.0]]).high > 106
    assert loss_axis([[1.0, 1.0, 1.0, 0.9, 1e9]]).high > 1e9


def test_what_has_no_place_stands_at_the_edge():
    losses = [1000.0, 0.0, 1.0, math.nan, math.inf, math.nan]
    axis = loss_axis([losses])
    assert axis.off_the_scale(range(6), losses) == [
        (BELOW, 1, 0.0),
        (NOWHERE, 3, pytest.approx(math.nan, nan_ok=True)),
        (ABOVE, 4, math.inf),
    ]
    assert loss_axis([[1.0, 0.0]]).sign(0.0) == ""  # on a linear axis 0 has a place


def test_above_the_top_is_off_the_scale_and_the_top_is_on_it():
    axis = loss_axis([[1.0, 50.0, 0.5]], top=10.0)
    assert axis.sign(50.0) == ABOVE
    assert 10.0 < axis.high < 15.0
    assert loss_axis([[1.0, 0.5]], top=10.0).high < 2


def test_noise_of_a_loss_that_stands_still_stays_small():
    axis = loss_axis([[1.086, 1.0861, 1.0859] * 5])
    assert axis.high - axis.low >= 0.01
    assert axis.low < 1.081
    assert axis.high > 1.091


@pytest.mark.parametrize(
    "losses", [[], [math.nan], [0.0], [3.0], [1.7e308, -1.7e308], [1.7e308, 5e-324], [5e-324]]
)
def test_every_axis_has_two_ends(losses):
    axis = loss_axis([losses])
    assert axis.low < axis.high
    assert all(map(math.isfinite, (axis.low, axis.high, *axis.ends)))
