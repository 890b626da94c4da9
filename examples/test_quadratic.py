"""Why does GradientDescentOptimizer not reach the expected cost?

The mean of (y - x)^2 over y = 1.5, 2.5, 3.5 is smallest at x = 2.5, and there it is 2/3: no
optimizer brings it lower. With learning rate 0.001, 1,000 steps do not even lead there.
"""

import pytest
import tensorflow as tf
from keras.optimizers import SGD

from pytest_converge import ConvergenceError

Y = tf.constant([1.5, 2.5, 3.5])


@pytest.fixture
def x():
    return tf.Variable(0.0)


@pytest.fixture
def cost(x):
    return lambda: tf.reduce_mean((Y - x) ** 2)


@pytest.mark.parametrize("learning_rate", [0.1, 0.01])
def test_the_floor_is_reached(converge, x, cost, learning_rate):
    converge.minimize(cost, [x], SGD(learning_rate), steps=1000, max_loss=0.67)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="2/3 is the smallest value")
@pytest.mark.parametrize("learning_rate", [0.1, 0.01, 0.001])
def test_nothing_goes_below_the_floor(converge, x, cost, learning_rate):
    converge.minimize(cost, [x], SGD(learning_rate), steps=1000, max_loss=0.5)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="1,000 steps are too few")
def test_a_low_rate_is_still_under_way(converge, x, cost):
    converge.minimize(cost, [x], SGD(0.001), steps=1000, max_loss=0.67)


def test_a_low_rate_needs_more_steps(converge, x, cost):
    converge.minimize(cost, [x], SGD(0.001), steps=5000, max_loss=0.67)


def test_the_optimizer_of_tensorflow_1(converge, x, cost):
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
    converge.minimize(cost, [x], optimizer, steps=1000, max_loss=0.67)
