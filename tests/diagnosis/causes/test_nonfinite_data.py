"""Values that are not finite: the cause by themselves, unless they are a mask."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.optimizers import SGD

from pytest_converge.diagnosis.causes.nonfinite_data import CAUSE
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, minimize, sequential, step


def missing_value():
    x, y = linear(0)
    x[3, 1] = np.nan
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse"), x, y)


def missing_column():
    x, y = linear(0)
    x[:, 1] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse")
    return fit(model, x, y / np.abs(y).max())


@pytest.mark.parametrize(("make", "bound"), [(missing_value, 0.1), (missing_column, 0.5)])
def test_rows_or_columns_that_are_not_finite_are_left_out(make, bound):
    found = proven_by_its_own(make(), "nonfinite-data", steps=100, max_loss=bound)
    assert found.message == "x[:, 1] holds values that are not finite"


def everything_missing():
    """Half of the values, spread over all rows and columns: nothing sound is left."""
    x, y = linear(0)
    x[np.arange(256), np.arange(256) % 4] = np.nan
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse"), x, y)


def test_values_that_are_not_finite_are_the_cause_also_where_no_row_is_left():
    found = diagnosis_of(everything_missing(), steps=50, max_loss=0.1)
    assert (found.cause, found.proven) == ("nonfinite-data", False)
    assert len(found.tried) <= 1  # nothing else could help


def test_values_that_are_a_mask_are_not_blamed():
    """Targets of NaN are left out by the loss; the rate is far too low."""

    def masked(y, predictions):
        known = tf.math.is_finite(y)
        return tf.reduce_mean(tf.where(known, (tf.where(known, y, 0.0) - predictions) ** 2, 0.0))

    x, y = linear(0)
    y[::2] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(1e-5), loss=masked)
    start = fit(model, x, y)
    ignored = {"ignore": ("nonfinite-data",), "diagnose": "full"}  # Adam comes late
    found = diagnosis_of(start, steps=100, max_loss=0.1, **ignored)
    assert found.cause == "learning-rate-too-low"


def masked_readings(make):
    """Readings of NaN that are multiplied by a mask of 0 and 1."""
    x, y = linear(0)
    y[::3] = np.nan
    known, readings = np.isfinite(y).astype("float32"), make(y)
    w = tf.Variable(tf.zeros((4, 1)), name="w")

    def loss():
        return tf.reduce_sum(known * (x @ w - readings) ** 2) / tf.reduce_sum(known)

    return minimize(loss, [w], SGD(0.1))


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (np.array, "readings = np.nan_to_num(readings, posinf=0.0, neginf=0.0)"),
        (tf.constant, "readings = tf.where(tf.math.is_finite(readings), readings, 0.0)"),
    ],
    ids=["array", "tensor"],
)
def test_what_a_mask_leaves_out_of_a_closure_is_filled(make, line):
    found = proven_by_its_own(masked_readings(make), "nonfinite-data", steps=60, max_loss=0.05)
    assert (found.fix, found.where) == (line, ("readings",))
    assert found.message.startswith(
        "readings is not finite in places that a mask leaves out: NaN times 0 is NaN; it converges"
    )


def test_of_a_closure_what_no_mask_leaves_out_is_not_filled():
    x, y = linear(0)
    y[::3] = np.nan
    w = tf.Variable(tf.zeros((4, 1)), name="w")
    failed = failed_of(minimize(lambda: tf.reduce_mean((x @ w - y) ** 2), [w], SGD(0.1)), steps=5)
    assert not [change for each in CAUSE.steps if each.repairs for change in each.repairs(failed)]


class Neighbours(keras.Model):
    """Holds the inverse spreads of its columns, one of which has none."""

    def __init__(self, inverse):
        super().__init__()
        self.inverse = tf.constant(inverse)
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x * self.inverse)


def test_what_a_model_holds_is_filled():
    x, _ = linear(0)
    y = x[:, :1] - x[:, 3:4]
    inverse = np.array([1.0, np.nan, 0.5, 1.0], "float32")

    def build():
        model = Neighbours(inverse)
        model.compile(SGD(0.1), "mse")
        return model

    found = proven_by_its_own(fit(build, x, y), "nonfinite-data", steps=100, max_loss=0.1)
    assert found.where == ("self.inverse",)
    assert found.message.startswith("1 value of self.inverse is not finite")
    assert (
        found.fix == "self.inverse = tf.where(tf.math.is_finite(self.inverse), self.inverse, 0.0)"
    )


class Trainer:
    """A step of an object that holds its data."""

    def __init__(self, x, y):
        self.x, self.y, self.w = x, y, tf.Variable(tf.zeros((4, 1)))
        self.optimizer = SGD(0.1)

    def step(self):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.x @ self.w - self.y) ** 2)
        self.optimizer.apply_gradients([(tape.gradient(loss, self.w), self.w)])
        return loss


def test_of_data_that_a_step_holds_nothing_is_made_up():
    x, y = linear(0)
    y[::3] = np.nan
    trainer = Trainer(x, y)
    start = step(trainer.step, variables=[trainer.w], optimizer=trainer.optimizer)
    failed = failed_of(start, steps=5)
    assert not [change for each in CAUSE.steps if each.repairs for change in each.repairs(failed)]
