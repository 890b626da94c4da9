"""Sines, cosines and tangents of the data that look like those of degrees."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops, optimizers

from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.zoo.problems import fit, sequential, step
from tests.zoo.trainings import training_of

__all__ = ["Tides", "headings", "wind"]

RNG = np.random.default_rng(0)
HEADINGS = RNG.uniform(-180, 180, (256, 2)).astype("float32")
HEADINGS[0] = 180.0
POWER = np.cos(np.deg2rad(HEADINGS[:, :1])) - np.sin(np.deg2rad(HEADINGS[:, 1:]))


class Directions(layers.Layer):
    """Cosines and sines of two angles."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, angles):
        return self.function(angles)


def both(angles):
    first, second = ops.split(angles, 2, axis=1)
    return ops.concatenate([ops.cos(first), ops.sin(second)], axis=1)


def headings(function=both, *, angles=HEADINGS):
    """A linear model on functions of angles."""
    parts = [Directions(function, name="directions"), layers.Dense(1)]
    optimizer = optimizers.Adam(0.05)
    return fit(sequential(*parts, optimizer=optimizer, loss="mse", shape=(2,)), angles, POWER)


def wind(*, degrees=True):
    """A step of one's own that takes the sine of its input as it is."""
    w, optimizer = tf.Variable([[0.0], [0.0]]), optimizers.Adam(0.05)
    angles = HEADINGS if degrees else np.deg2rad(HEADINGS)
    target = np.sin(np.deg2rad(HEADINGS)) @ np.array([[1.0], [-2.0]])

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.sin(x) @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices((angles, target.astype("float32"))).batch(32)
    return step(train_step, variables=[w], data=data, optimizer=optimizer)


def seen(start):
    training = training_of(start)
    with left_alone(training):
        return computation(training).degrees


def test_sines_and_cosines_of_degrees_are_found_each_in_its_place():
    found = seen(headings())
    assert {each.kind for each in found} == {"Cos", "Sin"}
    for each in found:
        assert (each.layer, each.number, each.of, each.array) == ("directions", 0, 1, "")
        assert 150 < each.largest <= 180
        assert each.place[0] == __file__


def test_the_array_that_is_taken_as_it_is_has_a_name():
    (found,) = seen(wind())
    assert (found.kind, found.layer, found.array) == ("Sin", "", "x")


def test_one_of_several_in_a_place_is_told_by_its_number():
    def third(angles):
        turned = angles * np.float32(np.pi / 180)
        return ops.concatenate([ops.sin(turned), ops.sin(2.0 * turned), ops.sin(angles)], axis=1)

    (found,) = seen(headings(third))
    assert (found.number, found.of) == (2, 3)


class Tides(layers.Layer):
    """Sines whose frequency is trained."""

    def build(self, shape):
        self.frequency = self.add_weight(shape=(), initializer="ones")

    def call(self, hours):
        return ops.sin(self.frequency * hours)


@pytest.mark.parametrize(
    "start",
    [
        lambda: headings(angles=np.deg2rad(HEADINGS)),
        lambda: headings(angles=2 * np.deg2rad(HEADINGS)),
        lambda: headings(angles=1000 * HEADINGS),
        lambda: headings(lambda x: x + ops.mean(ops.sin(100.0 * ops.ones((2,))))),
        lambda: headings(lambda x: x / 180),
        lambda: wind(degrees=False),
        lambda: fit(
            sequential(
                Tides(), layers.Dense(1), optimizer=optimizers.Adam(0.1), loss="mse", shape=(2,)
            ),
            HEADINGS,
            POWER,
        ),
        lambda: headings(ops.tanh),
    ],
    ids=[
        "radians",
        "a full turn",
        "many turns",
        "constant",
        "no sine",
        "own step",
        "trained",
        "tanh",
    ],
)
def test_radians_times_and_trained_frequencies_are_none(start):
    assert seen(start()) == ()
