"""Operations without a slope that hand their gradient straight on, at their own values."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.straight_through import STRAIGHT, straight_through
from pytest_converge.training.measures.gradient_stops import GradientStop
from tests.training.interventions.trainings import written
from tests.zoo.problems import fit, linear, minimize, sequential
from tests.zoo.trainings import training_of

X = [-1.3, 0.2, 0.6, 2.4]


def slope_of_sigmoid(x):
    return 1 / (1 + np.exp(-np.float32(x))) * (1 - 1 / (1 + np.exp(-np.float32(x))))


ONES = np.ones(4, "float32")
#: Functions are looked up when they are called, as in a module of the user's.
OF_NUMBERS = {
    "tf.round": ("Round", tf.round, ONES),
    "keras.ops.round": ("Round", keras.ops.round, ONES),
    "floor": ("Floor", keras.ops.floor, ONES),
    "ceil": ("Ceil", lambda x: tf.math.ceil(x), ONES),  # noqa: PLW0108 - looked up when called
    "rint": ("Rint", lambda x: tf.math.rint(x), ONES),  # noqa: PLW0108 - looked up when called
    "sign": ("Sign", keras.ops.sign, ONES),
    "floor division": ("FloorDiv", lambda x: x // 0.5, 2 * ONES),
    "whole": ("Cast", lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), ONES),
    "operator >": ("Greater", lambda x: tf.cast(x > 0.5, tf.float32), slope_of_sigmoid),
    "keras >=": (
        "GreaterEqual",
        lambda x: keras.ops.cast(keras.ops.greater_equal(x, 0.5), "float32"),
        slope_of_sigmoid,
    ),
    "operator <": ("Less", lambda x: tf.cast(x < 0.5, tf.float32), lambda x: -slope_of_sigmoid(x)),
    "choice": (
        "GreaterEqual",
        lambda x: tf.where(x >= 0.5, 3.0, 1.0),
        lambda x: 2 * slope_of_sigmoid(x),
    ),
    "by whole numbers": (
        "LessEqual",
        lambda x: tf.cast(tf.cast(x <= 0.5, tf.int32), tf.float32),
        lambda x: -slope_of_sigmoid(x),
    ),
    "stopped": ("StopGradient", lambda x: tf.stop_gradient(x), ONES),  # noqa: PLW0108 - looked up when called
    "stopped by Keras": ("StopGradient", keras.ops.stop_gradient, ONES),
}


def closure():
    w = tf.Variable(1.0)
    return training_of(minimize(lambda: w**2, [w], optimizers.SGD(0.1)))


def change(kind, layer=""):
    return straight_through(
        written(),
        [GradientStop(operation=kind, kind=kind, layer=layer)],
        ("w",),
        "mine",
        {"lambda": "bits"},
    )


def read(function):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = function(x)
    slope = tape.gradient(values, x)
    return values.numpy(), np.zeros(4) if slope is None else slope.numpy()


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_values_stay_and_there_is_a_slope(name, compiled):
    kind, function, slopes = OF_NUMBERS[name]
    before = read(function)
    with change(kind).variant(closure()):
        during = read(tf.function(function) if compiled else function)
    np.testing.assert_array_equal(before[1], np.zeros(4))
    np.testing.assert_array_equal(during[0], before[0])
    expected = slopes(np.array(X) - 0.5) if callable(slopes) else slopes
    np.testing.assert_allclose(during[1], expected, rtol=1e-5)
    np.testing.assert_array_equal(read(function), before)


@pytest.mark.parametrize("kind", STRAIGHT)
def test_the_line_does_what_was_tried(kind):
    x = tf.constant(X)
    first, _, last = change(kind).fix.rpartition("\n")
    with tf.GradientTape() as tape:
        tape.watch(x)
        names = {"tf": tf, "x": x, "a": x, "b": 0.5}
        exec(first, names)  # noqa: S102 - that it can be pasted is the point
        values = eval(last, names)  # noqa: S307
    assert tape.gradient(values, x).numpy().all()
    assert last.endswith("in mine")


@pytest.mark.parametrize(
    ("place", "inside", "outside"), [("quantise", True, False), ("", False, True)]
)
def test_only_what_stands_in_that_place_is_changed(place, inside, outside):
    class Quantise(layers.Layer):
        def call(self, x):
            return tf.round(x)

    x, y = linear(0, rows=8)
    parts = [Quantise(name="quantise"), layers.Dense(1)]
    start = fit(sequential(*parts, optimizer="sgd", loss="mse", shape=(4,)), x, y)
    training = training_of(start)
    with change("Round", place).variant(training):
        assert bool(read(lambda v: training.model.layers[0](v[None])[0])[1].any()) is inside
        assert bool(read(tf.round)[1].any()) is outside


def test_counters_and_masks_are_left_as_they_are():
    with change("Greater").variant(closure()):
        assert bool(tf.constant(3) > 2)
        np.testing.assert_array_equal(tf.boolean_mask([1, 2, 3, 4], tf.constant(X) > 0.5), [3, 4])


def test_a_layer_of_a_function_goes_by_the_name_of_that():
    assert change("Round", layer="lambda").fix.endswith("# in bits")
