"""Too small a capacity, and models whose size cannot be tried."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, optimizers

from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import fit, linear, sequential


class Fixed(keras.Model):
    """A model that Keras cannot clone."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(x)


def product(model, **options):
    x, _ = linear(0, rows=100)
    return fit(model, x, x[:, :1] * x[:, 1:2], **options)


def test_one_unit_cannot_express_a_circle():
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    y = (x**2).sum(axis=1, keepdims=True)
    parts = [layers.Dense(1, "tanh"), layers.Dense(1)]
    start = fit(sequential(*parts, optimizer=optimizers.Adam(0.05), loss="mse"), x, y)
    found = diagnosis_of(start, steps=300, max_loss=1.2)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert found.message.startswith("the model is too small; it converges with")


def test_that_a_larger_model_was_not_tried_is_said():
    parts = [layers.Dense(1, "relu"), layers.Dense(1)]
    start = product(sequential(*parts, optimizer=optimizers.Adam(0.01), loss="mse"))
    assert "a wider model" not in dict(diagnosis_of(start, steps=20, max_loss=1e-9).excluded)
    own = Fixed()
    own.compile(optimizers.Adam(0.01), "mse")
    found = diagnosis_of(product(own), steps=20, max_loss=1e-9)
    assert "a wider model" in dict(found.excluded)
