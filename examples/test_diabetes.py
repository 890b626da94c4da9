"""The progress of diabetes after one year: a regression whose noise sets the limit.

A linear model explains about half of the variance. A demand above that fails, however long the
training lasts.
"""

import keras
import pytest
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from pytest_converge import ConvergenceError

X, Y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)


def build():
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.02), "mse")
    return model


@pytest.mark.converges(steps=500, min_skill=0.4)
def test_half_of_the_variance(converge):
    converge.fit(build, X, Y)


@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the noise forbids it")
@pytest.mark.converges(steps=500, min_skill=0.7)
def test_more_than_the_data_hold(converge):
    converge.fit(build, X, Y)
