"""Other operations of TensorFlow in the calls of some layers, or in a step outside of layers."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions.places import changed_in_places
from tests.training.measures.steps import regression
from tests.zoo.trainings import training_of


class Rounding(layers.Layer):
    def call(self, x):
        return tf.round(x)


class Around(layers.Layer):
    """Another layer, and an operation of its own."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, x):
        return tf.round(x) + 10 * self.inner(x)


@pytest.mark.parametrize(
    ("place", "expected"), [("around", (10, 1)), ("around/inner", (1, 1)), ("", (11, 0))]
)
def test_an_operation_is_another_one_in_its_place_alone(place, expected):
    training = training_of(
        regression(Around(Rounding(name="inner"), name="around"), layers.Dense(1))
    )
    layer, x = training.model.layers[0], tf.constant([[0.6]])

    def values():
        return float(layer(x)[0, 0]), float(tf.round(x)[0, 0])

    before = values()
    with changed_in_places(training, {place: [(tf, "round", tf.floor)]}):
        during = values()
    assert before == values() == (11, 1)
    assert during == expected
