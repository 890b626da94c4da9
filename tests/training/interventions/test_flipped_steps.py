"""Backward layers whose steps are put in order again."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.training.interventions.flipped_steps import flipped_steps
from tests.zoo.problems import fit
from tests.zoo.trainings import running

X = np.random.default_rng(0).normal(size=(20, 5, 2)).astype("float32")
Y = X[:, :, :1]


def back(**settings):
    return layers.GRU(3, return_sequences=True, go_backwards=True, name="back", **settings)


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.back, self.head = back(), layers.Dense(1)

    def call(self, x):
        return self.head(self.back(x))


def training_of(model, y=Y):
    model.compile(optimizers.Adam(0.01), "mse")
    return running(fit(model, X, y), steps=3).training


@pytest.mark.parametrize(
    "make",
    [lambda: keras.Sequential([keras.Input((5, 2)), back(), layers.Dense(1)]), Own],
    ids=["sequential", "own"],
)
def test_their_outputs_are_flipped_meanwhile(make):
    training = training_of(make())
    before = np.asarray(training.model(X))
    change = flipped_steps(training)
    with change.variant(training):
        np.testing.assert_allclose(training.model(X), before[:, ::-1], rtol=1e-5)
    np.testing.assert_array_equal(training.model(X), before)
    assert change.fix.endswith("(lambda steps: keras.ops.flip(steps, axis=1))  # behind back")
    assert change.fault == "back puts out its steps in reversed order, the last one first"


def test_states_stay_as_they_are():
    inputs = keras.Input((5, 2))
    steps, state = back(return_state=True)(inputs)
    training = training_of(keras.Model(inputs, layers.Dense(1)(steps)))
    both = keras.Model(inputs, [steps, state])
    before = both(X)
    with flipped_steps(training).variant(training):
        after = both(X)
    np.testing.assert_allclose(after[0], np.asarray(before[0])[:, ::-1], rtol=1e-5)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (keras.Sequential([keras.Input((5, 2)), layers.GRU(3), layers.Dense(1)]), Y[:, 0]),
        (keras.Sequential([keras.Input((5, 2)), back(), layers.GRU(1)]), Y[:, 0]),
        (
            keras.Sequential([keras.Input((5, 2)), layers.Bidirectional(layers.GRU(3))]),
            np.ones((20, 6)),
        ),
    ],
    ids=["forward", "last step", "both ways"],
)
def test_others_are_left_alone(model, y):
    assert flipped_steps(training_of(model, y)) is None


def test_a_model_of_ones_own_against_targets_without_steps_is_left_alone():
    class Last(Own):
        def call(self, x):
            return super().call(x)[:, -1]

    assert flipped_steps(training_of(Last(), Y[:, 0])) is None
