"""Arrays that functions and layers hold: found, and replaced where they are held."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.held_arrays import (
    filled,
    held_arrays,
    held_labels,
    masked,
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


def gaps(value=np.nan):
    """Readings that are missing in places, and 1 where they are not."""
    readings = X.copy()
    readings[::5, 1] = value
    return readings, np.isfinite(readings).astype("float32")


def fitted_to(readings, known=None):
    """A mean of readings, of those that are known where that is said."""
    w = tf.Variable(tf.zeros(3), name="w")

    def loss():
        errors = (readings - w) ** 2
        return tf.reduce_mean(errors if known is None else errors * known)

    return loss, minimize(loss, [w], optimizers.SGD(0.1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.array, tf.constant], ids=["array", "tensor"])
def test_what_a_mask_leaves_out_of_an_array_is_filled(make, value):
    readings, known = gaps(value)
    loss, start = fitted_to(make(readings), known)
    training = training_of(start)
    (held,) = masked(training)
    assert (held.name, held.tensor) == ("readings", make is tf.constant)
    with filled(held, masked=True).variant(training):
        during = float(loss())
    assert during == pytest.approx(float(np.mean(np.where(known == 1, readings, 0.0) ** 2)))
    assert np.isnan(float(loss()))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (np.array, "readings = np.nan_to_num(readings, posinf=0.0, neginf=0.0)"),
        (tf.constant, "readings = tf.where(tf.math.is_finite(readings), readings, 0.0)"),
    ],
    ids=["array", "tensor"],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_line_fills_it_for_its_kind(make, line, value):
    readings, known = gaps(value)
    (held,) = masked(training_of(fitted_to(make(readings), known)[1]))
    change = filled(held, masked=True)
    assert (change.code, change.fix, change.where) == ("nonfinite-data", line, ("readings",))
    names = {"readings": make(readings), "np": np, "tf": tf}
    exec(change.fix, names)  # noqa: S102 - a line of our own
    np.testing.assert_array_equal(names["readings"], np.where(known == 1, readings, 0.0))


@pytest.mark.parametrize(
    "arrays",
    [
        lambda: (gaps()[0],),
        lambda: (gaps()[0], 1 - gaps()[1]),
        lambda: (X, gaps()[1]),
    ],
    ids=["no mask", "mask of the others", "finite"],
)
def test_what_no_mask_leaves_out_is_not_offered(arrays):
    assert masked(training_of(fitted_to(*arrays())[1])) == []


def test_inputs_that_weights_of_0_multiply_are_not_masked():
    """At a start of zeros no value of the inputs changes the loss; the next step reads them."""
    readings, _ = gaps()
    w = tf.Variable(tf.zeros(3))

    def loss():
        return tf.reduce_mean((tf.linalg.matvec(readings, w) - FLAGS) ** 2)

    assert masked(training_of(minimize(loss, [w], optimizers.SGD(0.1)))) == []


def test_of_two_arrays_that_masks_leave_parts_out_of_both_are_filled():
    readings, known = gaps()
    others, w = readings + 1.0, tf.Variable(tf.zeros(3))

    def loss():
        return tf.reduce_mean(((readings - w) ** 2 + (others - w) ** 2) * known)

    training = training_of(minimize(loss, [w], optimizers.SGD(0.1)))
    assert {held.name for held in masked(training)} == {"readings", "others"}
