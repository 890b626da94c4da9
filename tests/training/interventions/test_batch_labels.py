"""Labels of two values among the arrays of a step, and others in their place."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions.batch_labels import batch_labels, relabelled
from tests.zoo.problems import linear, step
from tests.zoo.trainings import training_of

X, _ = linear(0, rows=32)
FLAGS = (X[:, 0] > 0).astype("int32")


def margins(*, epochs=1):
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step(batch):
        with tf.GradientTape() as tape:
            y = tf.cast(batch["sign"], tf.float32)
            loss = tf.reduce_mean(tf.nn.relu(1.0 - y * tf.squeeze(batch["x"] @ w, 1)))
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    data = tf.data.Dataset.from_tensor_slices({"x": X, "sign": FLAGS, "row": np.arange(32.0)})
    data = data.shuffle(32, seed=0).batch(8).repeat(epochs)
    return step(train_step, variables=[w], data=data, optimizer=optimizer)


NAME = "x['sign']"


def test_an_array_is_found_by_what_the_step_does_with_it():
    (labels,) = batch_labels(training_of(margins(), steps=4))
    assert (labels.name, labels.near, labels.linear) == (NAME, False, False)


def test_the_line_is_that_of_the_array():
    training = training_of(margins(), steps=4)
    (signs, control), (swapped, _) = relabelled(training, *batch_labels(training))
    held = {"x": {"sign": FLAGS}, "np": np}
    exec(signs.fix, held)  # noqa: S102 - a line of our own
    assert set(held["x"]["sign"]) == {-1.0, 1.0}
    assert (signs.where, swapped.fix) == ((NAME,), f"{NAME} = 1 - {NAME}")
    assert control.change == f"{signs.change}, of other rows (control)"


def of_rows(change, training):
    leaves = dict(batch_leaves(change.data(training.rows_in_memory).arrays))
    return dict(zip(leaves["x['row']"], leaves[NAME], strict=True)), leaves


def test_labels_of_other_rows_are_the_same_in_each_epoch():
    training = training_of(margins(epochs=3), steps=12)
    ((change, control), _) = relabelled(training, *batch_labels(training))
    own, leaves = of_rows(change, training)
    assert [own[n] for n in range(32)] == list(2.0 * FLAGS - 1)
    other, leaves = of_rows(control, training)
    assert len(leaves[NAME]) == 96
    assert all(other[n] == sign for n, sign in zip(leaves["x['row']"], leaves[NAME], strict=True))
    assert sum(other.values()) == sum(own.values())
    assert other != own


def test_a_tensor_of_a_batch_is_changed_like_an_array(monkeypatch):
    training = training_of(margins(), steps=4)
    first, labels, seen = training.first_batch(), batch_labels(training), []
    monkeypatch.setattr(type(training), "rows_in_memory", None)
    (signs, control), _ = relabelled(training, *labels)

    def noting(batch):
        seen.append(dict(batch_leaves(batch))[NAME].numpy())

    monkeypatch.setattr(training, "step", noting)
    for change in (signs, control):
        with change.variant(training):
            training.step(first)
    right = 2.0 * dict(batch_leaves(first))[NAME].numpy() - 1
    np.testing.assert_array_equal(seen[0], right)
    np.testing.assert_array_equal(np.sort(seen[1]), np.sort(right))


@pytest.mark.parametrize(("labels", "factor"), [((-1, 1), 0.25), ((0, 1), 1.0), ((1, 2), 1.0)])
def test_nearer_targets_have_a_smaller_unit(labels, factor):
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.squeeze(x @ w, 1) - y) ** 2)
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    y = np.where(FLAGS == 0, *labels).astype("float32")
    start = step(train_step, variables=[w], data=(X, y), optimizer=optimizer)
    training = training_of(start, steps=4)
    (found,) = batch_labels(training)
    assert (found.near, found.linear) == (True, False)
    assert {change.loss_factor for change, _ in relabelled(training, found)} <= {factor, 1.0}
    assert relabelled(training, found)[0][0].loss_factor == factor


def test_where_a_loss_is_linear_in_labels_none_is_below_zero():
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, x @ w))
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    y = FLAGS[:, None].astype("float32")
    start = step(train_step, variables=[w], data=(X, y), optimizer=optimizer)
    training = training_of(start, steps=4)
    (found,) = batch_labels(training)
    assert found.linear
    assert [c.change for c, _ in relabelled(training, found)] == ["y: labels the other way round"]
