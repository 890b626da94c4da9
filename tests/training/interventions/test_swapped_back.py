"""Losses whose arguments are called the other way round."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.swapped_back import swapped_back
from tests.training.measures.steps import own_step
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import training_of


def first_loss(training):
    before = training.snapshot()
    loss = float(training.step(training.first_batch()))
    before.restore()
    return loss


def difference(y, p):
    return tf.reduce_mean(y - p)


def test_a_compiled_loss_gets_its_arguments_the_other_way_round():
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss=difference, shape=(4,))
    training = training_of(fit(model, *linear(0, rows=32)))
    change = swapped_back(training)
    assert change.fix == "loss=lambda y_true, y_pred: difference(y_pred, y_true)"
    before = first_loss(training)
    with change.variant(training):
        np.testing.assert_allclose(first_loss(training), -before, rtol=1e-5)
    np.testing.assert_allclose(first_loss(training), before, rtol=1e-5)


def test_of_a_step_those_of_keras_do():
    binary = keras.losses.BinaryCrossentropy()
    for loss in (binary, lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p))):
        y, p = tf.constant([[1.0], [0.0]]), tf.constant([[0.9], [0.2]])
        training = training_of(own_step(lambda y, p, loss=loss: loss(y, p)))
        right, wrong = float(loss(y, p)), float(loss(p, y))
        with swapped_back(training).variant(training):
            assert float(loss(p, y)) == right
        assert float(loss(p, y)) == wrong
