"""The line of the user's own code that does what a change does."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.line_of_effect import line_of_effect
from pytest_converge.training.state.snapshot import shadowed
from tests.measured import left_alone
from tests.zoo.problems import fit, minimize, step
from tests.zoo.trainings import training_of

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X[:, :1]


def times(factor):
    return Intervention(code="", change="", rate_factor=factor)


def always():
    return True


def by_gradients(w):
    optimizer = optimizers.SGD(0.1)

    def update(x, y):
        with tf.GradientTape() as tape:
            score = -tf.reduce_mean((x @ w - y) ** 2)
            objective = 1.0 * score
        optimizer.apply_gradients(zip(tape.gradient(objective, [w]), [w], strict=True))
        return -score

    return update


def descend(w, gradient, rate, rows):
    w.assign_sub(rate * gradient / rows)


def by_a_helper(w):
    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        descend(w, tape.gradient(loss, w), 0.3, 32)
        return loss

    return update


def by_pairs(w):
    optimizer = optimizers.SGD(0.1)

    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        moved = w - 0.1 * tape.gradient(loss, w)
        optimizer.apply_gradients([(moved - w, w)])
        return loss

    return update


@pytest.mark.parametrize(
    ("made", "factor", "line"),
    [
        (by_gradients, -1.0, "objective = -(1.0 * score)  # test_line_of_effect.py:"),
        (by_a_helper, 100.0, "descend(w, tape.gradient(loss, w), 30, 32)  # test_line"),
        (by_pairs, -1.0, "optimizer.apply_gradients([(-(moved - w), w)])  # test_line"),
    ],
)
def test_the_line_that_does_it(made, factor, line):
    w = tf.Variable(tf.ones((3, 1)))
    run = training_of(step(made(w), variables=[w], data=(X, Y)))
    with left_alone(run):
        assert line_of_effect(run, times(factor), always).startswith(line)


def test_no_line_where_time_is_up():
    w = tf.Variable(tf.ones((3, 1)))
    run = training_of(step(by_gradients(w), variables=[w], data=(X, Y)))
    assert line_of_effect(run, times(-1.0), lambda: False) == ""


def test_no_line_without_a_step_of_ones_own():
    w = tf.Variable(1.0)
    run = training_of(minimize(lambda: (w - 3.0) ** 2, [w], optimizers.SGD(0.1)))
    assert line_of_effect(run, times(-1.0), always) == ""


class Pooling(keras.layers.Layer):
    """The mean of what a mask lets through, which is to be the tokens and is the padding."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(5, 2)

    def build(self, shape):
        self.embedding.build(shape)

    def call(self, tokens):
        mask = keras.ops.equal(tokens, 0)
        weights = tf.cast(mask, "float32")[..., None]
        return tf.reduce_sum(weights * self.embedding(tokens), axis=1)


def masked(kept):
    """The same with another mask, wherever it is made."""

    def variant(training):
        (layer,) = (x for x in training.model.layers if isinstance(x, Pooling))

        def call(tokens):
            weights = tf.cast(kept(tokens), "float32")[..., None]
            return tf.reduce_sum(weights * layer.embedding(tokens), axis=1)

        return shadowed([(layer, "call", call)])

    return Intervention(code="", change="", variant=variant)


@pytest.mark.parametrize(
    ("kept", "line"),
    [
        (lambda x: x != 0, "mask = keras.ops.not_equal(tokens, 0)  # test_line_of_effect.py:"),
        (lambda x: x == 0, ""),  # it is so already
        (lambda x: x == 3, ""),
    ],
)
def test_the_edit_under_which_a_step_is_that_of_a_change(kept, line):
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [4, 1, 3, 0]])
    model = keras.Sequential([keras.Input((4,), dtype="int32"), Pooling(), keras.layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    run = training_of(fit(model, tokens, np.ones((3, 1), "float32")))
    found = line_of_effect(run, masked(kept), always)
    assert found.startswith(line)
    assert bool(found) == bool(line)
