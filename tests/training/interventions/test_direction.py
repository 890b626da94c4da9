"""Rates, gradients and losses of the other sign."""

from __future__ import annotations

import types

import pytest
from keras import optimizers

from pytest_converge.training.interventions import direction
from tests.diagnosis.programs import distance
from tests.training.interventions.trainings import written
from tests.zoo.trainings import running


def by_hand(scales):
    optimizer = types.SimpleNamespace(optimizer=optimizers.SGD(0.1))
    held = () if scales else (optimizer,)
    training = written()
    vars(training).update(scales_updates=scales, optimizers=held, loss_name="train_step")
    return training


@pytest.mark.parametrize(
    ("scales", "along", "said"),
    [
        (False, -1.0, "the gradient that SGD gets has the opposite sign of the loss's"),
        (False, 1.0, "the optimizer adds what it should subtract"),
        (False, 0.2, "the loss or its gradient has the wrong sign"),
        (False, None, "the loss or its gradient has the wrong sign"),
        (True, -0.5, "train_step adds the gradient of its loss where it should subtract it"),
        (True, None, "the loss or its gradient has the wrong sign"),
    ],
)
def test_the_wrong_sign_is_named_as_far_as_it_is_known(scales, along, said):
    change = direction.downhill(by_hand(scales), along)
    assert change.fault == f"the steps go uphill: {said}"
    assert (change.code, change.rate_factor) == (direction.CODE, -1.0)


def test_a_negative_rate_is_turned_with_its_line():
    run = running(distance(optimizers.SGD(-0.2, momentum=0.5)), steps=2)
    change = direction.reversed_sign(run.training, -0.2)
    assert (change.fix, change.rate_factor) == ("keras.optimizers.SGD(0.2, momentum=0.5)", -1.0)
    assert change.fault == "the learning rate -0.2 is negative: each step goes uphill"
