"""Which operation of a step made the first value that is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.nonfinite_origin import nonfinite_origin
from tests.measured import left_alone
from tests.training.measures.steps import regression
from tests.zoo.problems import minimize
from tests.zoo.trainings import running

AT_ZERO = {
    "log": (lambda w: -tf.math.log(w), "Log", False),
    "derivative of log": (lambda w: tf.where(w > 0, tf.math.log(w), w), "Log", True),
    "derivative of sqrt": (tf.sqrt, "Sqrt", True),
    "rsqrt": (tf.math.rsqrt, "Rsqrt", False),
    "division": (lambda w: (w + 1) / w, "RealDiv", False),
    "derivative of division": (lambda w: tf.where(w > 0, 1 / w, w), "RealDiv", True),
    "reciprocal": (tf.math.reciprocal, "Reciprocal", False),
    "derivative of arccosine": (lambda w: tf.where(w > 1, w, tf.acos(1 - w / 8)), "Acos", True),
    "derivative of arcsine": (lambda w: tf.where(w > 1, w, tf.asin(w / 8 - 1)), "Asin", True),
    "log1p": (lambda w: tf.math.log1p(w - 1), "Log1p", False),
    "atanh": (lambda w: tf.atanh(1 - w / 8), "Atanh", False),
    "derivative of power": (lambda w: w**0.5, "Pow", True),
}


def closure(of, value=0.0):
    w = tf.Variable([value, 1.0])
    return minimize(lambda: tf.reduce_sum(of(w)), [w], optimizers.SGD(0.1))


@pytest.mark.parametrize(("of", "kind", "derivative"), AT_ZERO.values(), ids=AT_ZERO)
def test_an_operation_at_zero_is_found(of, kind, derivative):
    run = running(closure(of))
    with left_alone(run.training):
        found = nonfinite_origin(run, 1)
    assert (found.kind, found.derivative, found.at_zero) == (kind, derivative, True)
    assert (found.step, found.layer) == (1, "")


@pytest.mark.parametrize(
    ("of", "value", "least"),
    [
        (tf.math.log, -3.0, -3.0),
        (lambda w: w**0.5, -3.0, -3.0),
        (lambda w: (w * 1e30) ** 2.0, -3.0, None),
        (lambda w: tf.sqrt(w - 1e-7), 0.0, pytest.approx(-1e-7)),
    ],
    ids=["log", "power", "whole power", "rounding"],
)
def test_numbers_below_zero_are_told_from_rounding(of, value, least):
    found = nonfinite_origin(running(closure(of, value=value)), 1)
    assert found.least == least
    assert found.at_zero == (value == 0.0)


def test_a_number_that_grew_too_large_is_not_at_zero():
    found = nonfinite_origin(running(closure(lambda w: tf.exp(w * 1e4), value=1.0)), 1)
    assert (found.kind, found.at_zero) == ("Exp", False)
    assert found.in_words == "Exp in the loss, step 1"


def test_the_step_is_reached_from_the_start():
    # From 0.25 in steps of 0.1 / 0.4 to 0.
    w = tf.Variable(0.25)
    run = running(minimize(lambda: tf.sqrt(w) + 0.0 * w, [w], optimizers.SGD(0.25)))
    losses = run.run(0).curve.batch_loss
    assert len(losses) == 2
    found = nonfinite_origin(run, 2)
    assert (found.kind, found.step, found.derivative) == ("Sqrt", 2, True)


@pytest.mark.parametrize("step", [1, 3])
def test_a_sound_step_has_none(step):
    run = running(regression())
    with left_alone(run.training):
        assert nonfinite_origin(run, step) is None


class Root(layers.Layer):
    """The root of what it is given."""

    def call(self, x):
        return tf.sqrt(x - x)


def test_the_layer_is_named():
    found = nonfinite_origin(running(regression(layers.Dense(2), Root(name="root"))), 1)
    assert (found.kind, found.layer, found.derivative) == ("Sqrt", "root", True)
    assert found.in_words == "derivative of Sqrt in root, step 1"


def test_what_is_masked_later_is_no_origin():
    """Minus infinity is a mask, and the loss is finite all the same."""

    def masked(y, p):
        hidden = tf.where(p > np.inf, p, tf.math.log(tf.zeros_like(p)))
        return tf.reduce_mean((y - p) ** 2 + tf.exp(hidden))

    assert nonfinite_origin(running(regression(loss=masked)), 1) is None
