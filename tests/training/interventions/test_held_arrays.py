"""Arrays that functions and layers hold: found, and replaced where they are held."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.held_arrays import (
    held_arrays,
    held_labels,
    relabelled,
)
from tests.zoo.problems import fit, minimize, sequential
from tests.zoo.trainings import training_of

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
FLAGS = (X[:, 0] > 0).astype("float32")


class Weighted(layers.Layer):
    """Holds an array under its own name."""

    def __init__(self, weights):
        super().__init__(name="weighted")
        self.weights_of_rows = tf.constant(weights)

    def call(self, inputs):
        return inputs * self.weights_of_rows


def hinge(labels):
    w = tf.Variable(tf.zeros(3))

    def loss():
        return tf.reduce_mean(tf.nn.relu(1.0 - labels * tf.linalg.matvec(X, w)))

    return loss, minimize(loss, [w], optimizers.SGD(0.1))


@pytest.mark.parametrize("make", [np.array, tf.constant], ids=["array", "tensor"])
def test_a_closure_reads_the_other_array_meanwhile(make):
    loss, start = hinge(make(FLAGS))
    (labels,) = held_labels(training_of(start))
    assert (labels.name, labels.tensor) == ("labels", make is tf.constant)
    before = float(loss())
    w = start.call.variables[0]
    w.assign([1.0, 0.0, 0.0])
    with labels.replaced(2 * FLAGS - 1):
        inside = float(loss())
    assert inside == pytest.approx(float(np.maximum(1 - np.abs(X[:, 0]), 0).mean()), rel=1e-5)
    w.assign([0.0, 0.0, 0.0])
    assert float(loss()) == before


def test_what_no_prediction_is_compared_with_are_no_labels():
    w = tf.Variable(tf.zeros(3))
    columns = tf.constant([1.0, 0.0, 1.0])

    def loss():
        return tf.reduce_mean((tf.linalg.matvec(X, w * columns) - X[:, 0]) ** 2)

    training = training_of(minimize(loss, [w], optimizers.SGD(0.1)))
    assert [held.name for held in held_arrays(training)] == ["X", "columns"]
    assert not held_labels(training)


def test_the_line_is_the_user_s_own():
    _, start = hinge(FLAGS)
    (labels,) = held_labels(training_of(start))
    (signs, control), (swapped, _) = relabelled(labels)
    held = {"labels": FLAGS, "np": np}
    exec(signs.fix, held)  # noqa: S102 - a line of our own
    assert set(held["labels"]) == {-1.0, 1.0}
    assert (signs.where, swapped.fix) == (("labels",), "labels = 1 - labels")
    assert control.change.endswith("of other rows (control)")


def test_a_layer_of_ones_own_is_changed_and_put_back():
    weights = np.linspace(1, 2, 3).astype("float32")
    layer = Weighted(weights)
    model = sequential(
        layer, layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse", shape=(3,)
    )
    (held,) = held_arrays(training_of(fit(model, X, FLAGS)))
    assert (held.name, held.layer) == ("self.weights_of_rows", "weighted")
    assert held.line("y = y / 2") == (
        "self.weights_of_rows = self.weights_of_rows / 2  # in layer weighted"
    )
    with held.replaced(0 * weights):
        assert not np.any(layer(X))
    np.testing.assert_array_equal(layer(X), X * weights)
