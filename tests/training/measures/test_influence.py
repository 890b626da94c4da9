"""Rows of a batch, and columns of its targets, that have no influence on its loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.influence import IdleColumns, idle_columns, idle_rows
from tests.measured import left_alone
from tests.training.measures.steps import batches, own_step, regression
from tests.zoo.problems import fit, minimize, sequential, step
from tests.zoo.trainings import running


def of(reduced):
    """A loss of some squared errors."""
    return lambda y, p: reduced((tf.reshape(y, (-1, 1)) - p) ** 2)


IDLE = {
    "first row": (of(lambda e: e[0, 0]), (9, 32)),
    "last row": (of(lambda e: e[-1, 0]), (1, 24)),
    "first half": (of(lambda e: tf.reduce_mean(e[:16])), (17, 32)),
    "weighted": (of(lambda e: tf.reduce_mean(e[8:24])), (1, 8)),
}


@pytest.mark.parametrize(("loss", "ends"), IDLE.values(), ids=IDLE)
def test_rows_that_the_loss_leaves_out_are_found(loss, ends):
    run = running(regression(loss=loss))
    with left_alone(run.training):
        found = idle_rows(run.loop)
    assert (found.first, found.last, found.rows) == (*ends, 32)


def test_rows_that_a_step_learns_nothing_from_are_found_behind_another_loss():
    run = running(own_step(of(lambda e: e[0, 0]), returned=of(tf.reduce_mean)))
    with left_alone(run.training):
        found = idle_rows(run.loop)
    assert (found.first, found.last, found.rows, found.learnt) == (5, 16, 16, True)


def test_rows_of_a_hinge_are_found_by_a_batch_in_which_it_is_not_satisfied():
    """The first row of the first batch costs nothing, and has no gradient."""
    x = np.random.default_rng(0).uniform(0.5, 1.2, size=(64, 2)).astype("float32")
    x[:16] += 10.0
    w = tf.Variable([[1.0], [1.0]])
    optimizer = optimizers.SGD(0.01)

    def train(rows):
        with tf.GradientTape() as tape:
            losses = tf.nn.relu(3.0 - rows @ w)[:, 0]
            one = losses[0]
        optimizer.apply_gradients([(tape.gradient(one, w), w)])
        return tf.reduce_mean(losses)

    data = tf.data.Dataset.from_tensor_slices((x,)).batch(16)
    run = running(step(train, variables=[w], data=data, optimizer=optimizer))
    found = idle_rows(run.loop)
    assert (found.first, found.last, found.learnt) == (5, 16, True)


@pytest.mark.parametrize(
    "start",
    [
        regression(),
        regression(layers.BatchNormalization(), layers.Dense(1)),
        regression(layers.Dropout(0.5), layers.Dense(1)),
        regression(loss=of(lambda e: tf.reduce_sum(0.0 * e))),
        own_step(of(tf.reduce_mean)),
        regression(rows=4),
    ],
    ids=["mean", "batch statistics", "dropout", "none at all", "step", "few rows"],
)
def test_rows_that_it_takes_are_not(start):
    assert idle_rows(running(start).loop) is None


def test_parts_of_other_lengths_are_no_rows():
    """Points within and on the edge, as a physical equation has them."""
    w, optimizer = tf.Variable([[1.0]]), optimizers.SGD(0.1)

    def train(within, edge):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((within @ w) ** 2) + tf.reduce_mean((edge @ w - 1.0) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    parts = np.ones((24, 1), "float32"), np.ones((2, 1), "float32")
    data = tf.data.Dataset.from_tensors(parts).repeat()
    run = running(step(train, variables=[w], data=data, optimizer=optimizer))
    assert idle_rows(run.loop) is None


def test_a_closure_has_no_rows():
    w = tf.Variable(1.0)
    assert idle_rows(running(minimize(lambda: w**2, [w], optimizers.SGD(0.1))).loop) is None


def several(loss):
    """Three targets from four columns, the last of them one value."""
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.column_stack([x[:, 0], x[:, 1], np.ones(64)]).astype("float32")
    return fit(
        sequential(layers.Dense(3), optimizer=optimizers.SGD(0.1), loss=loss, shape=(4,)), x, y
    )


@pytest.mark.parametrize(
    ("loss", "columns"),
    [
        (lambda y, p: tf.square(y - p)[:, 0], ("y[:, 1]",)),
        (lambda y, p: tf.square(y - p)[:, 1:], ("y[:, 0]",)),
        ("mse", ()),
        (lambda y, p: 0.0 * tf.reduce_sum(y - p, axis=-1), ()),
    ],
    ids=["first", "others", "all", "none"],
)
def test_columns_of_targets_that_the_loss_leaves_out_are_found(loss, columns):
    run = running(several(loss))
    with left_alone(run.training):
        found = idle_columns(run.loop)
    assert found == (IdleColumns(names=columns) if columns else None)


def several_of_a_step(learnt, returned):
    """A step on two targets, which reports one loss and differentiates another."""
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    optimizer = optimizers.Adam(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            errors = (model(features, training=True) - targets) ** 2
            loss = tf.reduce_mean(learnt(errors))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tf.reduce_mean(returned(errors))

    variables = model.trainable_variables
    return step(train_step, variables=variables, data=batches(x, x[:, :2]), optimizer=optimizer)


def first(errors):
    return errors[:, 0]


def test_columns_that_a_step_learns_nothing_from_are_found_behind_another_loss():
    run = running(several_of_a_step(first, tf.identity))
    with left_alone(run.training):
        found = idle_columns(run.loop)
    assert found == IdleColumns(names=("y[:, 1]",), learnt=True)
    assert idle_columns(running(several_of_a_step(tf.identity, tf.identity)).loop) is None


def test_a_small_column_beside_a_large_one_is_read():
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = np.column_stack([1e6 * x[:, 0], 1e-4 * x[:, 1]]).astype("float32")
    model = sequential(layers.Dense(2), optimizer=optimizers.SGD(0.1), loss="mse", shape=(4,))
    assert idle_columns(running(fit(model, x, y)).loop) is None
