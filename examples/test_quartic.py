"""A curve with two valleys: (x - 2)^4 - 4 (x - 2)^2 + 5.

Both valleys, at 2 - sqrt(2) and 2 + sqrt(2), are 1 deep. The hilltop between them, x = 2, has no
slope: gradient descent that starts there stays there.
"""

import pytest
import tensorflow as tf
from keras.optimizers import SGD

from pytest_converge import ConvergenceError


def descend(converge, start, **expectation):
    x = tf.Variable(start)

    def height():
        return (x - 2) ** 4 - 4 * (x - 2) ** 2 + 5

    return converge.minimize(height, [x], SGD(0.1), steps=100, **expectation)


@pytest.mark.parametrize("start", [0.0, 4.0])
def test_from_either_side(converge, start):
    descend(converge, start, max_loss=1.001)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="both valleys are 1 deep")
def test_no_valley_is_deeper(converge):
    descend(converge, 0.0, max_loss=0.9)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the hilltop is stationary")
def test_from_the_hilltop(converge):
    descend(converge, 2.0)
