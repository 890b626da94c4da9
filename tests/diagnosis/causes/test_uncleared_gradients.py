"""Gradients that are added up and never cleared."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.diagnosis.programs import diagnosis_of, proven_by_its_own
from tests.training.measures.steps import total_of
from tests.zoo.problems import fit, linear

CHANGE = "accumulated gradients cleared after each update"


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
    found = proven_by_its_own(total_of(), "uncleared-gradients", steps=60, max_loss=0.01)
    assert found.message == (
        "the gradients of earlier steps stay in total, which each update uses; it converges with"
        f" {CHANGE}"
    )
    assert found.fix == "total.assign(tf.zeros_like(total))  # after each update"
    assert found.where == ("total",)
    assert [trial.change for trial in found.tried] == [CHANGE]


def test_so_does_it_in_a_step_that_makes_its_updates_by_itself():
    start = total_of(optimizer="none")
    proven_by_its_own(start, "uncleared-gradients", steps=60, max_loss=0.01)


def test_so_does_it_where_an_update_is_made_of_several_steps():
    found = proven_by_its_own(
        accumulating(clears=False), "uncleared-gradients", steps=200, max_loss=0.05
    )
    line = "for gradient_sum in self.sums: gradient_sum.assign(tf.zeros_like(gradient_sum))"
    assert found.fix == f"{line}  # after each update"


@pytest.mark.parametrize(
    "start",
    [
        total_of(clears=True, optimizer=optimizers.SGD(1e-5)),
        accumulating(clears=True, rate=1e-5),
    ],
    ids=["each step", "every second step"],
)
def test_one_that_is_cleared_is_not_named(start):
    found = diagnosis_of(start, steps=20, max_loss=0.01, diagnose="quick")
    assert found.cause != "uncleared-gradients"
    assert not any(trial.change == CHANGE for trial in found.tried)
