"""The error about a loss without any gradient, for every verb."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.errors import InvalidTrainingError
from tests.training.measures.steps import classifying, regression
from tests.zoo.problems import minimize, step, wine
from tests.zoo.trainings import judged


def rounded(y, p):
    return tf.reduce_mean((tf.cast(y, tf.float32) - tf.round(p)) ** 2)


def closure(compiled):
    w = tf.Variable([0.3, 0.7])

    def loss():
        return tf.reduce_sum(tf.round(w))

    return minimize(tf.function(loss) if compiled else loss, [w], optimizers.SGD(0.1))


def plain_step():
    w, optimizer = tf.Variable([0.3, 0.7]), optimizers.SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.round(w))
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(train_step, variables=[w])


def labelled():
    x, y = wine()
    return classifying(x, y, layers.Dense(1), loss_of=lambda y, p: rounded(y[:, None], p))


STARTS = {
    "fit": (lambda: regression(loss=rounded), "rounded"),
    "own train_step": (labelled, "train_step"),
    "minimize": (lambda: closure(compiled=False), "the loss"),
    "minimize, compiled": (lambda: closure(compiled=True), "the loss"),
    "step": (plain_step, "train_step"),
}


@pytest.mark.parametrize(("make", "place"), STARTS.values(), ids=STARTS)
def test_the_operation_and_its_place_are_named(make, place):
    with pytest.raises(InvalidTrainingError, match=f"the rounding in {place} has none"):
        judged(make(), steps=5)


def test_where_no_operation_is_known_it_is_said_without():
    w = tf.Variable(1.0)
    start = minimize(lambda: tf.constant(np.float32(2.0)), [w], optimizers.SGD(0.1))
    with pytest.raises(InvalidTrainingError, match="got a loss without a gradient; expected one"):
        judged(start, steps=5)
