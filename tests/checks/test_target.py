"""Gate: the final loss does not exceed `max_loss`."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.target import loss_reaches_target
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import NonFinite
from tests.checks.curves import record_of, record_of_batches


@pytest.mark.parametrize(
    ("last", "bound", "passes"),
    [
        (0.1, 0.1, True),
        (0.1 + 1e-9, 0.1, False),
        (0.0, 0.0, True),
        (-3.0, -2.5, True),
        (-2.0, -2.5, False),
        (math.nan, 1.0, False),
        (math.inf, 1.0, False),
        (math.nan, None, True),
        (5.0, None, True),
    ],
)
def test_the_bound_belongs_to_the_good_side(last, bound, passes):
    record = record_of([2.0, 1.5, last])
    assert (loss_reaches_target(record, Expectation(max_loss=bound)) is None) == passes


@pytest.mark.parametrize(
    ("last", "bound", "message"),
    [
        (0.5, 0.1, "loss 0.5000 after 320 steps, above max_loss=0.1"),
        (0.10000001, 0.1, "loss 0.10000001 after 320 steps, above max_loss=0.1"),
        (0.1, 0.09999999, "loss 0.1 after 320 steps, above max_loss=0.09999999"),
    ],
)
def test_a_bound_missed_by_a_hair_does_not_read_as_if_it_were_met(last, bound, message):
    finding = loss_reaches_target(record_of([2.0, 1.0, last]), Expectation(max_loss=bound))
    assert finding.message == message


def test_what_is_said():
    finding = loss_reaches_target(record_of([2.0, 1.0, 0.43125]), Expectation(max_loss=0.1))
    assert (finding.code, finding.fails) == ("target-missed", True)
    assert finding.message == "loss 0.4313 after 320 steps, above max_loss=0.1"
    assert finding.evidence == {"final_loss": 0.43125, "max_loss": 0.1, "initial_loss": 2.0}


def test_without_a_probe_set_the_median_of_the_last_tenth_is_compared():
    losses = [5.0] * 17 + [0.2, 9.0, 0.1]
    record = record_of_batches(losses)
    assert loss_reaches_target(record, Expectation(max_loss=4.55)) is None
    assert loss_reaches_target(record, Expectation(max_loss=4.54)) is not None


def test_a_loss_that_was_not_finite_is_left_to_its_own_gate():
    record = record_of([2.0, math.nan], nonfinite=(NonFinite(what="loss", name="nan", step=3),))
    assert loss_reaches_target(record, Expectation(max_loss=0.1)) is None
