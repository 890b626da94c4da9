"""Rectifiers in the user's own code that put out 0 for every row, and what they cut off."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge.training.measures.computation import computation
from tests.training.measures.steps import regression
from tests.zoo.problems import linear, minimize
from tests.zoo.trainings import training_of


class Own(layers.Layer):
    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, x):
        return self.function(x)


def dead_of(function):
    parts = [layers.Dense(8, name="first"), Own(function, name="mine"), layers.Dense(1)]
    return computation(training_of(regression(*parts))).dead


DEAD = {
    "keras.ops.relu": (lambda x: keras.ops.relu(x - 20.0), "Relu"),
    "tf.nn.relu": (lambda x: tf.nn.relu(x - 20.0), "Relu"),
    "relu6": (lambda x: tf.nn.relu6(x - 20.0), "Relu6"),
    "maximum": (lambda x: tf.maximum(x - 20.0, 0.0), "Maximum"),
    "maximum of 0": (lambda x: tf.maximum(0.0, x - 20.0), "Maximum"),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_rectifier_that_is_0_throughout_is_found(name):
    function, kind = DEAD[name]
    (found,) = dead_of(function)
    assert (found.kind, found.layer, found.number, found.of) == (kind, "mine", 0, 1)
    assert found.where == ("first",)
    assert found.middle == pytest.approx(-20, abs=3)
    assert found.middle < found.nearest < found.edge == 0


@pytest.mark.parametrize(
    ("function", "kind", "edge"),
    [
        (lambda x: tf.maximum(x - 20.0, -1.0), "Maximum", -1.0),
        (lambda x: tf.clip_by_value(x - 20.0, 2.0, 6.0), "Maximum", 2.0),
        (lambda x: keras.ops.clip(x + 20.0, 2.0, 6.0), "Minimum", 6.0),
    ],
)
def test_a_clip_beyond_which_everything_lies_is_found(function, kind, edge):
    (found,) = dead_of(function)
    assert (found.kind, found.edge, found.where) == (kind, edge, ("first",))
    assert abs(found.middle) > abs(found.nearest) > abs(edge)


SOUND = {
    "half of it": tf.nn.relu,
    "most units": lambda x: tf.nn.relu(x - tf.constant([0.0] + [50.0] * 7)),
    "another way": lambda x: x + tf.nn.relu(x - 20.0),
    "an end that is reached": lambda x: tf.clip_by_value(x, -1.0, 1.0),
    "some end a unit": lambda x: tf.maximum(x - 20.0, tf.constant([-1.0] * 4 + [-2.0] * 4)),
    "of a constant": lambda x: x + tf.nn.relu(tf.constant(-1.0)),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_lets_something_through_is_not_dead(name):
    assert dead_of(SOUND[name]) == ()


def test_a_layer_of_keras_tells_of_its_own_activation():
    bias = initializers.Constant(-50.0)
    parts = [layers.Dense(8, "relu", bias_initializer=bias), layers.ReLU(), layers.Dense(1)]
    assert computation(training_of(regression(*parts))).dead == ()


def test_a_hinge_that_is_satisfied_and_a_penalty_that_does_not_act_are_sound():
    x, y = linear(0, rows=32)
    w = tf.Variable(np.ones((4, 1), "float32"), name="w")

    def loss():
        penalty = tf.reduce_sum(tf.nn.relu(tf.abs(w) - 10.0))
        return tf.reduce_mean((x @ w - y) ** 2) + penalty

    training = training_of(minimize(loss, [w], optimizers.SGD(0.1)))
    assert computation(training).dead == ()


def test_the_dead_one_of_several_is_told_by_its_number():
    x, y = linear(0, rows=32)
    v = tf.Variable(np.ones((4, 2), "float32"), name="v")
    w = tf.Variable(np.ones((2, 1), "float32"), name="w")

    def loss():
        hidden = tf.nn.relu(tf.constant(x) @ v - 30.0)
        return tf.reduce_mean((hidden @ w - tf.nn.relu(w[0, 0]) - y) ** 2)

    (found,) = computation(training_of(minimize(loss, [v, w], optimizers.SGD(0.1)))).dead
    assert (found.layer, found.number, found.of, found.where) == ("", 0, 2, ("v",))
