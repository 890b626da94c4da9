"""Variables that start beyond the range to which the user's own code clips them."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.clipped_variables import ClippedVariable
from pytest_converge.training.measures.computation import computation
from tests.zoo.problems import minimize
from tests.zoo.trainings import training_of


def clipped_of(loss_of, start=3.0, *others):
    """What is seen of a loss of a variable, behind others that are trained."""
    drawn = np.random.default_rng(0).normal(start, 0.1, size=(4, 6))
    v = tf.Variable(drawn.astype("float32"))
    loss = lambda: tf.reduce_mean(loss_of(v) ** 2) + sum(other**2 for other in others)  # noqa: E731
    start = minimize(loss, [*others, v], optimizers.Adam(0.1))
    return computation(training_of(start)).clipped


CLIPS = {
    "tf.clip_by_value": lambda v: tf.clip_by_value(v, 0.0, 1.0) - 0.5,
    "keras.ops.clip": lambda v: keras.ops.clip(v, 0.0, 1.0) - 0.5,
    "upper end outside": lambda v: tf.minimum(tf.maximum(v, 0.0), 1.0) - 0.5,
    "another shape": lambda v: tf.clip_by_value(tf.reshape(v, (1, -1)), 0.0, 1.0) - 0.5,
    "read unseen": lambda v: tf.clip_by_value(tf.expand_dims(v, 0), 0.0, 1.0) - 0.5,
    "in two places": lambda v: tf.clip_by_value(v, 0.0, 1.0) - 0.3 * tf.clip_by_value(v, 0.0, 1.0),
    "held back": lambda v: tf.clip_by_value(v, 0.0, 1.0) - 0.1 * tf.stop_gradient(v),
}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("start", [3.0, -2.0])
def test_a_variable_beyond_its_range_is_found(name, start):
    assert clipped_of(CLIPS[name], start) == (ClippedVariable(place=0, low=0.0, high=1.0),)


def test_it_is_told_by_its_place_among_those_that_are_trained():
    (found,) = clipped_of(CLIPS["tf.clip_by_value"], 3.0, tf.Variable(5.0))
    assert found.place == 1


SOUND = {
    "another way": lambda v: tf.clip_by_value(v, 0.0, 1.0) + 0.1 * v,
    "no range": lambda v: tf.clip_by_value(v, 1.0, 1.0) - 0.5,
    "a range for each": lambda v: tf.clip_by_value(v, tf.zeros(6), tf.linspace(0.5, 1.0, 6)),
    "a result": lambda v: tf.clip_by_value(2 * v, 0.0, 1.0),
}


ENDS = {
    "an upper one": (lambda v: tf.minimum(v, 1.0), 3.0, (-math.inf, 1.0)),
    "a lower one": (lambda v: tf.maximum(v, 5.0), 3.0, (5.0, math.inf)),
    "without an upper one": (lambda v: tf.clip_by_value(v, 5.0, np.inf), 3.0, (5.0, math.inf)),
    "a rectifier": (tf.nn.relu, -2.0, (0.0, math.inf)),
    "a rectifier of Keras": (keras.ops.relu, -2.0, (0.0, math.inf)),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_variable_beyond_a_single_end_is_found(name):
    loss_of, start, (low, high) = ENDS[name]
    assert clipped_of(loss_of, start) == (ClippedVariable(place=0, low=low, high=high),)
    assert clipped_of(loss_of, 4.0 if start < 0 else 20.0 if low == 5.0 else -4.0) == ()


@pytest.mark.parametrize("name", SOUND)
def test_what_has_a_slope_or_no_range_is_left_alone(name):
    assert clipped_of(SOUND[name]) == ()


@pytest.mark.parametrize("start", [0.5, 1.0])
def test_within_its_range_or_in_part_it_is_sound(start):
    assert clipped_of(CLIPS["tf.clip_by_value"], start) == ()
