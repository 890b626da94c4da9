"""One linear unit on two features in the thousands and in units.

Gradient descent at rate 0.01 blows up on the raw features. On standardised ones it walks, though
at that rate 100 steps are too few for the bias: it needs a higher rate.
"""

import keras
import numpy as np
import pytest

from pytest_converge import ConvergenceError

X = np.array([[1000, 2], [2000, 3], [3000, 4]], "float32")
Y = np.array([12, 23, 34], "float32")
Z = (X - X.mean(axis=0)) / X.std(axis=0)


def linear_unit(learning_rate):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    return model


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the raw features diverge")
def test_raw(converge):
    converge.fit(linear_unit(0.01), X, Y, steps=100)


def test_standardised_falls(converge):
    converge.fit(linear_unit(0.01), Z, Y, steps=100, min_decrease=0.9)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the bias has not arrived")
def test_standardised_at_the_low_rate(converge):
    converge.fit(linear_unit(0.01), Z, Y, steps=100, max_loss=0.01)


def test_standardised_at_a_higher_rate(converge):
    converge.fit(linear_unit(0.1), Z, Y, steps=100, max_loss=0.01)
