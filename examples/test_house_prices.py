"""House prices from living area, bedrooms and property tax, with and without standardisation.

The three columns differ by a factor of a thousand. R2 is the share of the variance of the prices
that the model explains: 1 is perfect, 0 is no better than the mean price.
"""

import keras
import numpy as np
import pytest

from pytest_converge import ConvergenceError


def houses(count=500):
    """A table of houses (square feet, bedrooms, dollars of tax) and prices in 1,000 dollars."""
    rng = np.random.default_rng(7)
    area = rng.lognormal(7.5, 0.3, count).clip(600, 5000)
    bedrooms = np.clip(np.round(area / 650 + rng.normal(0, 0.7, count)), 1, 6)
    location = rng.normal(0, 1, count)
    tax = (1.6 * area * (1 + 0.15 * location) + rng.normal(0, 250, count)).clip(500)
    price = 40 + 0.13 * area + 8 * bedrooms + 35 * location + rng.normal(0, 20, count)
    return np.stack([area, bedrooms, tax], 1).astype("float32"), price[:, None].astype("float32")


X, PRICE = houses()
Z = (X - X.mean(axis=0)) / X.std(axis=0)


def linear(optimizer):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=[keras.metrics.R2Score()])
    return model


@pytest.mark.converges(steps=300, metrics={"r2_score": (0.8, None)})
class TestHousePrices:
    def test_standardised(self, converge):
        converge.fit(linear(keras.optimizers.SGD(0.05)), Z, PRICE)

    @pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the raw columns diverge")
    def test_raw(self, converge):
        converge.fit(linear(keras.optimizers.SGD(0.05)), X, PRICE)

    @pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the loss falls, R2 stays low")
    def test_raw_with_adam(self, converge):
        converge.fit(linear(keras.optimizers.Adam(0.001)), X, PRICE)
