"""Why a training fails: the diagnosis names the cause whose repair makes the test pass."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge import ConvergenceError

TARGETS = tf.constant([1.5, 2.5, 3.5])


def diagnosis_of(train):
    with pytest.raises(ConvergenceError) as caught:
        train()
    return caught.value.result.diagnosis


def test_features_on_unequal_scales(converge):
    x = np.array([[1000, 2], [2000, 3], [3000, 4]], "float32")
    y = np.array([12, 23, 34], "float32")

    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        return model

    found = diagnosis_of(lambda: converge.fit(build, x, y, steps=100))
    assert found.cause == "unscaled-features"
    assert found.proven
    assert "x[:, 0]" in found.where


def test_a_bound_below_the_minimum(converge):
    x = tf.Variable(0.0)

    def loss():
        return tf.reduce_mean((TARGETS - x) ** 2)

    sgd = keras.optimizers.SGD(0.1)
    found = diagnosis_of(lambda: converge.minimize(loss, [x], sgd, steps=1000, max_loss=0.5))
    assert found.cause == "unreachable-target"
    assert found.floor == pytest.approx(2 / 3, rel=1e-3)


def test_a_rate_that_crawls(converge):
    x = tf.Variable(0.0)

    def loss():
        return tf.reduce_mean((TARGETS - x) ** 2)

    sgd = keras.optimizers.SGD(0.001)
    found = diagnosis_of(lambda: converge.minimize(loss, [x], sgd, steps=1000, max_loss=0.67))
    assert found.cause in ("learning-rate-too-low", "too-few-steps")
    assert found.bracket.lowest <= found.bracket.proposed <= found.bracket.highest


def double_well(x, tilt=0.0):
    return (x - 2) ** 4 - 4 * (x - 2) ** 2 + 5 + tilt * (x - 2)


def test_a_stationary_start(converge):
    x = tf.Variable(2.0)
    sgd = keras.optimizers.SGD(0.1)
    found = diagnosis_of(
        lambda: converge.minimize(lambda: double_well(x), [x], sgd, steps=100, max_loss=1.1)
    )
    assert found.cause == "saddle-point"


def test_the_worse_of_two_valleys(converge):
    x = tf.Variable(3.3)
    sgd = keras.optimizers.SGD(0.05)
    found = diagnosis_of(
        lambda: converge.minimize(lambda: double_well(x, 0.5), [x], sgd, steps=200, max_loss=0.5)
    )
    assert found.cause == "local-minimum"


def test_a_rate_beyond_the_stability_limit(converge):
    x = tf.Variable(0.0)
    sgd = keras.optimizers.SGD(1.0)
    found = diagnosis_of(
        lambda: converge.minimize(lambda: double_well(x), [x], sgd, steps=100, max_loss=1.1)
    )
    assert found.cause == "learning-rate-too-high"
    # The curvature at x = 0 is 12 * 4 - 8 = 40: gradient descent is stable below 2 / 40.
    assert found.bracket.stability_limit == pytest.approx(0.05, rel=1e-3)
