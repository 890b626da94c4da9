"""Gates: the reported loss is the loss of the predictions, and has the sign it must have."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.truth import (
    ABSOLUTE_TOLERANCE,
    loss_is_not_negative,
    loss_is_that_of_the_predictions,
)
from pytest_converge.core.expectation import Expectation
from tests.checks.curves import record_of, record_of_batches

ANY = Expectation()


def compared(reported, predicted, *, saturated=False):
    record = record_of(
        [1.0, 0.5], reported_loss=reported, predicted_loss=predicted, saturated=saturated
    )
    return loss_is_that_of_the_predictions(record, ANY)


# Binary cross-entropy on labels of which a share p is 1. Keras trains on the logits behind the
# softmax of one unit, while the prediction is 1.0 for every row and its loss is that of clipping.
@pytest.mark.parametrize("positives", [0.1, 0.5, 0.9])
def test_a_softmax_over_one_unit_is_found(positives):
    reported = 0.13
    predicted = (1 - positives) * -math.log(1e-7)
    finding = compared(reported, predicted, saturated=True)
    assert (finding.code, finding.fails) == ("loss-disagrees", True)
    assert finding.evidence == {"reported_loss": reported, "predicted_loss": predicted}


def test_what_is_said_of_it():
    assert compared(0.131, 8.059, saturated=True).message == (
        "the loss of the predictions is 8.059, the reported loss is 0.1310"
    )


@pytest.mark.parametrize("saturated", [False, True])
@pytest.mark.parametrize(
    ("reported", "allowed"), [(0.0, 1e-3), (0.5, 0.011), (-0.5, 0.011), (1e3, 20.001)]
)
def test_rounding_is_allowed(reported, allowed, saturated):
    for inside in (-0.999, -0.5, 0.0, 0.5, 0.999):
        assert compared(reported, reported + inside * allowed, saturated=saturated) is None
    assert compared(reported, reported + 1.001 * allowed, saturated=saturated) is not None


def test_the_difference_that_is_allowed_is_allowed():
    assert compared(0.0, ABSOLUTE_TOLERANCE) is None


# One row of label 0 with the logit 40: its cross-entropy is 40, and that of the prediction 1.0,
# clipped to 1 - 1e-7, is 16.1. Only the smaller one can come from clipping.
@pytest.mark.parametrize(("saturated", "passes"), [(True, True), (False, False)])
def test_saturated_predictions_may_have_a_smaller_loss(saturated, passes):
    assert (compared(40.0, -math.log(1e-7), saturated=saturated) is None) == passes


@pytest.mark.parametrize(
    ("reported", "predicted"), [(None, None), (1.0, None), (None, 1.0), (math.nan, 1.0)]
)
def test_what_is_not_known_is_not_compared(reported, predicted):
    assert compared(reported, predicted) is None


@pytest.mark.parametrize("predicted", [math.nan, math.inf])
@pytest.mark.parametrize("saturated", [False, True])
def test_predictions_without_a_finite_loss_disagree(predicted, saturated):
    assert compared(0.5, predicted, saturated=saturated) is not None


def sign(losses, *, known=True, **fields):
    values = {"loss_name": "binary_crossentropy", "nonnegative": known, **fields}
    return loss_is_not_negative(record_of(losses, **values), ANY)


# Binary cross-entropy with labels of 2 has no lower bound.
def test_a_negative_cross_entropy_is_found():
    finding = sign([0.7, -3.0, -80.0])
    assert (finding.code, finding.fails) == ("negative-loss", True)
    assert finding.message == (
        "binary_crossentropy fell to -80.00; it cannot be negative on targets that suit it"
    )
    assert finding.evidence == {"lowest_loss": -80.0}


def test_a_likelihood_may_be_negative():
    assert sign([0.7, -3.0, -80.0], known=False, reported_loss=-80.0) is None


@pytest.mark.parametrize(("last", "passes"), [(0.0, True), (-1e-5, True), (-1.1e-5, False)])
def test_rounding_below_zero_is_allowed(last, passes):
    assert (sign([0.7, last]) is None) == passes


@pytest.mark.parametrize(
    ("where", "record"),
    [
        ("first", record_of([-1.0, 0.5, 0.1], nonnegative=True)),
        ("last", record_of([1.0, 0.5, -0.1], nonnegative=True)),
        ("batch", record_of_batches([1.0, 0.5, -0.1, *[0.5] * 30], nonnegative=True)),
        ("reported", record_of([1.0, 0.5, 0.1], nonnegative=True, reported_loss=-0.1)),
    ],
)
def test_every_loss_is_looked_at(where, record):
    assert loss_is_not_negative(record, ANY) is not None, where


def test_losses_that_are_not_finite_are_left_out():
    assert sign([math.nan, math.inf, -math.inf]) is None
    assert loss_is_not_negative(record_of_batches([math.nan], nonnegative=True), ANY) is None


# The penalty of L1 or L2 is part of the losses of the curve, not of the reported loss.
@pytest.mark.parametrize("penalty", [0.01, 0.3, 5.0])
def test_a_penalty_larger_than_the_data_loss_is_no_negative_loss(penalty):
    losses = [2.0 + penalty, 0.5 + penalty, 0.001 + penalty]
    assert sign(losses, regularisation=penalty, reported_loss=0.001) is None


def test_a_penalty_that_grew_makes_no_earlier_loss_negative():
    record = record_of_batches(
        [0.7, 0.31, 0.295, 0.301] * 20,
        nonnegative=True,
        regularisation=0.3,
        reported_loss=0.001,
    )
    assert loss_is_not_negative(record, ANY) is None


def test_a_penalty_does_not_hide_a_negative_loss():
    assert sign([2.0, 0.9, 0.1], regularisation=0.6, reported_loss=-0.5) is not None


def test_a_negative_term_of_a_layer_explains_a_negative_sum():
    """A layer may add a term that is negative by right, as an entropy to be kept high."""
    assert sign([2.0, 0.9, -0.4], regularisation=-0.5, reported_loss=0.1) is None
    assert sign([2.0, 0.9, -0.4], regularisation=-0.1, reported_loss=-0.3) is not None
