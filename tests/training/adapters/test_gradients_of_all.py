"""The gradients of what a step differentiates, by all variables that are trained."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.adapters.gradients_of_all import GradientsOfAll
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import fit


def test_a_tape_is_asked_for_all_variables_and_answers_as_before():
    w, b, other = tf.Variable(2.0), tf.Variable(3.0), tf.Variable(1.0)
    noted = GradientsOfAll([w, b])
    with noted.noted():
        with tf.GradientTape() as tape:
            loss = w**2 + 5.0 * b + other
        assert float(tape.gradient(loss, w)) == 4.0
        with tf.GradientTape() as tape:
            loss = b * 2.0
        (found,) = tape.gradient(loss, [b])
        assert float(found) == 2.0
    assert [float(each) for each in noted.gradients] == [4.0, 7.0]


def test_what_is_asked_by_others_is_no_gradient_of_a_loss():
    w, x = tf.Variable(2.0), tf.constant(3.0)
    noted = GradientsOfAll([w])
    with noted.noted(), tf.GradientTape() as tape:
        tape.watch(x)
        slope = tape.gradient(w * x, x)
    assert float(slope) == 2.0
    assert noted.gradients == [None]


class HeadAlone(keras.Model):
    """Learns by its head alone, and reports its loss by a metric."""

    def __init__(self):
        super().__init__()
        self.body = layers.Dense(8, "tanh", name="body")
        self.head = layers.Dense(1, name="head")
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.head(self.body(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        weights = self.head.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


def test_a_model_whose_metric_tells_the_loss_is_trained_as_a_whole():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    model = HeadAlone()
    model(x[:1])
    model.compile(optimizers.Adam(0.03))
    found = diagnosis_of(fit(model, x, (x[:, :1] * x[:, 1:])), steps=150, max_loss=0.1)
    assert found.cause == "frozen-variables"
    assert found.proven
    assert "zip(tape.gradient(loss, self.trainable_variables), " in found.fix
