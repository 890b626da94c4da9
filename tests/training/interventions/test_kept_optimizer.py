"""One optimizer for all steps, where the step makes a new one every time."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions import kept_optimizer
from tests.zoo.problems import step
from tests.zoo.trainings import training_of


def test_every_update_is_made_by_the_same_optimizer():
    w = tf.Variable(1.0)

    def train_step():
        optimizer = optimizers.SGD(0.1, momentum=0.5)
        with tf.GradientTape() as tape:
            loss = 2.0 * w
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    training = training_of(step(train_step, variables=[w]))
    change = kept_optimizer.kept(optimizers.SGD, optimizers.SGD(0.1, momentum=0.5).get_config())

    def moves():
        w.assign(1.0)
        values = [float(w.numpy()) for _ in range(3) if training.step(None) is not None]
        return np.diff([1.0, *values])

    np.testing.assert_allclose(moves(), [-0.2, -0.2, -0.2], rtol=1e-5)
    with change.variant(training):
        np.testing.assert_allclose(moves(), [-0.2, -0.3, -0.35], rtol=1e-5)
        assert int(training.optimizers[0].counters[0]) == 3
    np.testing.assert_allclose(moves(), [-0.2, -0.2, -0.2], rtol=1e-5)
    line = "keras.optimizers.SGD(0.1, momentum=0.5)"
    assert change.fix == f"optimizer = {line}  # once, outside of the step"
