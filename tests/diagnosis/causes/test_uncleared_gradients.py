"""Gradients that are added up and never cleared."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.accumulation import accumulated
from pytest_converge.training.measures.recording import recorded
from tests.diagnosis.programs import diagnosis_of, proven_by_its_own
from tests.training.measures.steps import batches
from tests.zoo.problems import fit, linear, step
from tests.zoo.trainings import training_of

CHANGE = "accumulated gradients cleared after each update"


def total_of(add, *, clears=False, optimizer=None):
    """Weights fitted by a step that adds its gradient to a total in some way."""
    x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")
    w = tf.Variable(tf.zeros((4, 1)), name="w")
    total = tf.Variable(tf.zeros((4, 1)), trainable=False, name="total")
    optimizer = optimizer or optimizers.SGD(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w - targets) ** 2)
        add(total, tape.gradient(loss, w))
        if optimizer == "none":
            w.assign_sub(0.1 * total)
        else:
            optimizer.apply_gradients([(total, w)])
        if clears:
            total.assign(tf.zeros_like(total))
        return loss

    return step(train_step, variables=[w], data=batches(x, y, 64))


def added(total, gradient):
    total.assign_add(gradient)


class Accumulating(keras.Model):
    """Makes an update of every second step, by the mean gradient of both."""

    def __init__(self, *, clears):
        super().__init__()
        self.body, self.clears = layers.Dense(1), clears
        self.body.build((None, 4))
        weights = self.body.trainable_variables
        self.sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in weights]
        self.number = tf.Variable(0, trainable=False)

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        weights = self.trainable_variables
        for total, gradient in zip(self.sums, tape.gradient(loss, weights), strict=True):
            total.assign_add(gradient / 2)
        self.number.assign_add(1)
        tf.cond(self.number % 2 == 0, lambda: self.update(weights), lambda: None)
        return {"loss": loss}

    def update(self, weights):
        self.optimizer.apply_gradients(zip(self.sums, weights, strict=True))
        for total in self.sums if self.clears else ():
            total.assign(tf.zeros_like(total))


def accumulating(*, clears, rate=0.1):
    model = Accumulating(clears=clears)
    model.compile(optimizers.SGD(rate))
    return fit(model, *linear(0, rows=128))


def test_a_total_cleared_after_each_update_repairs_it():
    found = proven_by_its_own(total_of(added), "uncleared-gradients", steps=60, max_loss=0.01)
    assert found.message == (
        "the gradients of earlier steps stay in total, which each update uses; it converges with"
        f" {CHANGE}"
    )
    assert found.fix == "total.assign(tf.zeros_like(total))  # after each update"
    assert found.where == ("total",)
    assert [trial.change for trial in found.tried] == [CHANGE]


def test_so_does_it_in_a_step_that_makes_its_updates_by_itself():
    start = total_of(added, optimizer="none")
    proven_by_its_own(start, "uncleared-gradients", steps=60, max_loss=0.01)


def test_so_does_it_where_an_update_is_made_of_several_steps():
    found = proven_by_its_own(
        accumulating(clears=False), "uncleared-gradients", steps=200, max_loss=0.05
    )
    assert found.fix.endswith("# after each update, for each total")


@pytest.mark.parametrize(
    "start",
    [
        total_of(added, clears=True, optimizer=optimizers.SGD(1e-5)),
        accumulating(clears=True, rate=1e-5),
    ],
    ids=["each step", "every second step"],
)
def test_one_that_is_cleared_is_not_named(start):
    found = diagnosis_of(start, steps=20, max_loss=0.01, diagnose="quick")
    assert found.cause != "uncleared-gradients"
    assert not any(trial.change == CHANGE for trial in found.tried)


@pytest.mark.parametrize(
    ("add", "names"),
    [
        (added, ["total"]),
        (lambda total, g: total.assign(total + g), ["total"]),
        (lambda total, g: total.assign_add(tf.cast(g, tf.float32) / 4.0), ["total"]),
        (lambda total, g: total.assign_sub(g), ["total"]),
        (lambda total, g: total.assign(g), []),
        (lambda total, g: total.assign(0.9 * total + g), []),
        (lambda total, g: total.assign_add(g * g), []),
        (lambda total, g: total.assign_add(0.1 * (g - total)), []),
    ],
    ids=["added", "assigned", "scaled", "negative", "replaced", "momentum", "squares", "average"],
)
def test_what_is_taken_for_a_total_of_gradients(add, names):
    training = training_of(total_of(add))
    found = accumulated(training, recorded(training, training.first_batch()))
    assert [variable.name.removesuffix(":0") for variable in found] == names
