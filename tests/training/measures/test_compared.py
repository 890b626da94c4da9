"""What the arrays of a batch are to a step, told by what it does with them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.compared import (
    compared_with,
    fed,
    is_added_up,
    told_targets,
    weighs_rows,
)
from tests.training.measures.steps import flow_of
from tests.zoo.problems import linear, step

FLAGS = (np.arange(16) % 3 == 0).astype("float32")


def flow(loss_of, *arrays):
    """A step with weights w, a loss of predictions and of arrays beside the features."""
    x, y = linear(0, rows=16)
    w, optimizer = tf.Variable(tf.ones((4, 1))), optimizers.SGD(0.1)

    def train_step(batch):
        with tf.GradientTape() as tape:
            loss = loss_of(tf.squeeze(batch[0] @ w, 1), *batch[1:])
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    data = tf.data.Dataset.from_tensors(((x, *(arrays or (y[:, 0], FLAGS))),)).repeat()
    return flow_of(step(train_step, variables=[w], data=data, optimizer=optimizer))


def squared(p, y, mask):
    return tf.reduce_mean((p - y) ** 2 * mask)


def test_targets_are_compared_and_features_are_fed():
    found = flow(squared)
    assert fed(found) == {"x[0]"}
    assert [each[0].kind for each in compared_with(found, "x[1]")] == ["Sub"]
    assert [each[0].kind for each in compared_with(found, "x[2]")] == ["Mul"]
    assert not compared_with(found, "x[0]")


def test_what_is_made_of_several_arrays_is_none_of_them_alone():
    found = flow(lambda p, y, more: tf.reduce_mean(tf.square(p - (y + more))))
    assert compared_with(found, "x[2]")
    assert not compared_with(found, "x[2]", alone=True)


def test_through_a_goal_goes_no_gradient():
    def goal(p, reward, _):
        return tf.reduce_mean((tf.stop_gradient(reward + 0.5 * p) - p) ** 2)

    assert [each[0].kind for each in compared_with(flow(goal), "x[1]")] == ["Sub"]


@pytest.mark.parametrize(
    ("loss", "name", "weighs"),
    [
        (squared, "x[2]", True),
        (squared, "x[1]", False),
        (lambda p, y, m: tf.reduce_sum(m / tf.reduce_sum(m) * (p - y) ** 2), "x[2]", True),
        # Beside a term that all rows have, a mask weighs what is compared with targets.
        (lambda p, y, m: squared(p, y, m) + tf.reduce_mean(p**2), "x[2]", True),
        (lambda p, y, m: tf.reduce_mean(tf.nn.relu(1.0 - m * p) + 0.0 * y), "x[2]", False),
        (lambda p, y, m: tf.reduce_mean(tf.exp(p) * tf.abs(y) - m * p), "x[2]", False),
        (lambda p, _, m: tf.reduce_mean(m * p**2 + (1.0 - m) * tf.exp(-p)), "x[2]", False),
    ],
    ids=["mask", "target", "shares", "beside another", "margin", "event", "two terms"],
)
def test_weights_multiply_errors_that_are_added_up(loss, name, weighs):
    assert weighs_rows(flow(loss), name) is weighs


@pytest.mark.parametrize(
    ("loss", "linear_in_it"),
    [
        (lambda p, _, m: tf.reduce_mean(m * tf.exp(p)) + 1.0, True),
        (lambda p, _, m: tf.reduce_mean(m * p - p), True),
        (lambda p, _, m: tf.reduce_mean(p * (m * p)), False),
        (lambda p, _, m: tf.reduce_mean(tf.nn.softplus(-m * p)), False),
    ],
)
def test_a_loss_is_linear_in_what_it_adds_up(loss, linear_in_it):
    found = flow(loss)
    ((operation, _, _),) = compared_with(found, "x[2]", alone=True)
    assert is_added_up(found, operation) is linear_in_it


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (squared, ("x[1]",)),
        (
            lambda p, y, m: tf.reduce_mean((tf.stop_gradient(y + 0.5 * m) - p) ** 2),
            ("x[1]", "x[2]"),
        ),
        (lambda p, y, _: tf.reduce_mean(tf.exp(p) * y - p), ("x[1]",)),
        # What multiplies on the way to the predictions is none.
        (lambda p, y, m: tf.reduce_mean((tf.tanh(p * m) - y) ** 2), ("x[1]",)),
    ],
    ids=["mask", "goal", "times", "gate"],
)
def test_targets_are_what_predictions_are_to_come_near_to(loss, names):
    assert told_targets(flow(loss)) == names
