"""The range of an output under any weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from pytest_converge.training.measures.output_range import fixed_moments, output_range
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import running


class Cosine(keras.Model):
    """Two embeddings, and the cosine between them."""

    def __init__(self):
        super().__init__()
        self.users, self.items = layers.Embedding(20, 4), layers.Embedding(30, 4)

    def call(self, pair):
        user, item = self.users(pair[:, 0]), self.items(pair[:, 1])
        return keras.losses.cosine_similarity(user, item)[:, None]


def of(model, x, y):
    return output_range(running(fit(model, x, y), steps=2).training)


def test_a_cosine_stays_within_one():
    model = Cosine()
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    pairs = np.stack([rng.integers(0, 20, 200), rng.integers(0, 30, 200)], axis=1)
    assert of(model, pairs, rng.integers(1, 6, (200, 1)).astype("float32")) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (layers.Lambda(ops.sigmoid), (0.0, 1.0)),
        (layers.Lambda(ops.tanh), (-1.0, 1.0)),
        (layers.Dense(1), None),
        (layers.Dense(1, "relu"), None),
        (layers.Lambda(lambda x: 5 * ops.tanh(x)), None),
    ],
    ids=["sigmoid", "tanh", "linear", "relu", "scaled"],
)
def test_what_functions_give(last, expected):
    x, y = linear(0, rows=100)
    model = sequential(layers.Dense(1), last, optimizer="sgd", loss="mse", shape=(4,))
    assert of(model, x, y) == expected


def standardised(z):
    return (z - ops.mean(z, axis=0)) / ops.std(z, axis=0)


PLAIN = {"center": False, "scale": False}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([layers.Dense(1), layers.BatchNormalization(**PLAIN)], (0.0, 1.0)),
        ([layers.Dense(3), layers.LayerNormalization(**PLAIN)], (0.0, 1.0)),
        ([layers.Dense(1), layers.Lambda(standardised)], (0.0, 1.0)),
        ([layers.Dense(1), layers.LayerNormalization()], (np.nan, 0.0)),
        ([layers.Dense(32, "relu"), layers.Dense(1), layers.LayerNormalization()], (np.nan, 0.0)),
        ([layers.Dense(3), layers.LayerNormalization()], None),
        ([layers.Dense(1), layers.BatchNormalization()], None),
        ([layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)], None),
        ([layers.Dense(1, "sigmoid")], None),
        ([layers.Dense(1, "tanh")], None),
        ([layers.Dense(8, "relu"), layers.Dense(1, "relu")], None),
    ],
)
def test_moments_that_no_weights_change(parts, expected):
    x, _ = linear(0, rows=100)
    model = sequential(*parts, optimizer="sgd", loss="mse", shape=(4,))
    y = np.zeros((100, model.output_shape[-1]), "float32")
    found = fixed_moments(running(fit(model, x, y), steps=2).training)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_allclose((found.mean, found.deviation), expected, atol=0.01)


@pytest.mark.parametrize("seed", [4, 32, 36, 53, 55])
def test_rounding_is_no_deviation(seed):
    # What a layer leaves of one number a row is rounding, and larger than an offset next to 0.
    keras.utils.set_random_seed(seed)
    x, y = linear(0, rows=100)
    parts = [layers.Dense(32, "relu"), layers.Dense(1), layers.LayerNormalization()]
    model = sequential(*parts, optimizer="sgd", loss="mse", shape=(4,))
    found = fixed_moments(running(fit(model, x, y), steps=2).training)
    assert found is not None
    assert found.deviation == 0.0


@pytest.mark.parametrize("measure", [output_range, fixed_moments])
def test_nothing_of_the_training_changes(measure):
    x, y = linear(0, rows=100)
    parts = [layers.Dense(1), layers.BatchNormalization()]
    model = sequential(*parts, optimizer="sgd", loss="mse", shape=(4,))
    training = running(fit(model, x, y), steps=2).training
    before = [v.numpy().tolist() for v in training.state()]
    measure(training)
    assert [v.numpy().tolist() for v in training.state()] == before
