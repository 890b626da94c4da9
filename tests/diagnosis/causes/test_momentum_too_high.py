"""Momentum that averages over longer than the training."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.momentum_too_high import CAUSE
from tests.diagnosis.programs import distance, failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, minimize, sequential


def test_less_momentum_calms_a_bowl():
    w = tf.Variable([3.0, -2.0])
    optimizer = optimizers.SGD(0.05, momentum=0.999)
    start = minimize(lambda: tf.reduce_sum(w**2), [w], optimizer)
    found = proven_by_its_own(start, "momentum-too-high", steps=150, max_loss=0.01)
    assert "momentum 0.9" in found.message


@pytest.mark.parametrize(
    ("every", "when"), [(1, "after every step"), (5, "every 5 steps"), (None, "at the end")]
)
def test_weights_whose_average_is_that_of_the_start_are_not_averaged(every, when):
    x, y = linear(0)
    averaged = {"use_ema": True, "ema_momentum": 0.999, "ema_overwrite_frequency": every}
    optimizer = optimizers.SGD(0.1, **averaged)
    start = fit(sequential(layers.Dense(1), optimizer=optimizer, loss="mse", shape=(4,)), x, y)
    found = proven_by_its_own(start, "momentum-too-high", steps=100, max_loss=0.3)
    assert found.message == (
        "ema_momentum 0.999 averages the weights over about 1000 steps, and the average takes their"
        f" place {when}; it converges with weights that are not averaged"
    )
    assert found.fix == "keras.optimizers.SGD(0.1)"


@pytest.mark.parametrize(
    ("optimizer", "changes"),
    [
        (lambda: optimizers.SGD(0.1, momentum=0.9), 0),
        (lambda: optimizers.SGD(0.1, momentum=0.97), 1),
        (lambda: optimizers.Adam(0.1, beta_1=0.99), 1),
        (lambda: tf.compat.v1.train.MomentumOptimizer(0.1, 0.99), 0),
    ],
    ids=["usual", "high", "of Adam", "of TensorFlow 1"],
)
def test_only_a_high_momentum_is_lowered(optimizer, changes):
    failed = failed_of(distance(optimizer()), steps=5, max_loss=0.5)
    (step,) = CAUSE.steps
    assert len(list(step.repairs(failed))) == changes
