"""Roots, logarithms and quotients that stay finite where they, or their derivatives, are not."""

from __future__ import annotations

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions import safe_operations
from tests.training.interventions.trainings import written
from tests.zoo.problems import minimize
from tests.zoo.trainings import training_of

OF_ZERO = {
    "tf.sqrt": ("Sqrt", tf.sqrt),
    "keras.ops.sqrt": ("Sqrt", keras.ops.sqrt),
    "norm": ("Sqrt", lambda x: tf.norm(x[..., None], axis=-1)),
    "tf.math.log": ("Log", lambda x: -tf.math.log(x)),
    "keras.ops.log": ("Log", keras.ops.log),
    "rsqrt": ("Rsqrt", tf.math.rsqrt),
    "operator /": ("RealDiv", lambda x: x / x),
    "keras.ops.divide": ("RealDiv", lambda x: keras.ops.divide(1.0, x)),
    "reciprocal": ("Reciprocal", lambda x: 1.0 + tf.math.reciprocal(x)),
    "log1p": ("Log1p", lambda x: tf.math.log1p(x - 1)),
    "arccosine": ("Acos", lambda x: tf.acos(1 - x / 8)),
    "arcsine": ("Asin", lambda x: tf.asin(1 - x / 8)),
    "atanh": ("Atanh", lambda x: tf.atanh(1 - x / 8)),
    "operator **": ("Pow", lambda x: x**0.5),
}


def closure(function):
    w = tf.Variable([0.0, 4.0])
    return training_of(minimize(lambda: tf.reduce_sum(function(w)), [w], optimizers.SGD(0.1)))


@pytest.mark.parametrize(("kind", "function"), OF_ZERO.values(), ids=OF_ZERO)
def test_value_and_derivative_are_finite_at_zero_and_as_they_were_elsewhere(kind, function):
    training = closure(function)
    x = tf.constant([0.0, 4.0])

    def read():
        with tf.GradientTape() as tape:
            tape.watch(x)
            values = tf.convert_to_tensor(function(x))
        return np.stack([values.numpy(), tape.gradient(values, x).numpy()])

    before = read()
    with safe_operations.safe(training, kind, "", "loss").variant(training):
        during = read()
    assert not np.isfinite(before[:, 0]).all()
    assert np.isfinite(during).all()
    np.testing.assert_array_equal(during[:, 1], before[:, 1])
    np.testing.assert_array_equal(read(), before)


def test_whole_powers_are_left_as_they_are():
    x = tf.constant([-2.0, 0.0, 3.0])
    with safe_operations.safe(written(), "Pow", "", "loss").variant(closure(tf.identity)):
        np.testing.assert_array_equal(x**2, [4.0, 0.0, 9.0])
        np.testing.assert_array_equal(tf.pow(x, 3.0), [-8.0, 0.0, 27.0])


def test_optimizers_take_their_roots_as_before():
    """Adam divides by the root of what is far below the least argument."""
    w = tf.Variable(1.0)
    training = training_of(minimize(lambda: 1e-5 * w, [w], optimizers.Adam(0.1)))
    start, moved = training.snapshot(), []
    for change in (None, safe_operations.safe(training, "Sqrt", "", "loss")):
        start.restore()
        with contextlib.nullcontext() if change is None else change.variant(training):
            training.step(None)
        moved.append(float(w.numpy()))
    assert moved[0] == moved[1]
    assert moved[0] < 0.95


@pytest.mark.parametrize("kind", safe_operations.SAFE)
def test_the_line_does_what_was_tried(kind):
    x = tf.constant([0.0, 4.0])
    names = {"tf": tf, "x": x, "a": x, "b": x, "p": 0.5}
    change = safe_operations.safe(written(), kind, "mine", "mine")
    values = eval(change.fix, names)  # noqa: S307 - that it can be pasted is the point
    assert np.isfinite(values.numpy()).all()
    assert change.fix.endswith("# in mine")
    assert change.where == ("mine",)
