"""A loss summed over the rows, averaged."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions import averaged_loss
from tests.training.interventions.trainings import SUMMED, regression
from tests.zoo.problems import fit, step
from tests.zoo.trainings import training_of


@pytest.mark.parametrize("loss", SUMMED.values(), ids=SUMMED)
def test_the_mean_is_the_sum_over_the_number_of_rows(loss):
    training = training_of(regression(loss=loss))
    change = averaged_loss.averaged(training, 8, rate=0.1, rose=True, factor=None)
    y, guess = np.ones((5, 1), "float32"), np.zeros((5, 1), "float32")
    before = float(training.model.compute_loss(None, y, guess))
    with change.variant(training):
        after = float(training.model.compute_loss(None, y, guess))
    penalty = float(sum(training.model.losses))
    assert (before - penalty) / (after - penalty) == pytest.approx(5.0, rel=1e-5)


@pytest.mark.parametrize(("rose", "code"), [(True, "high"), (False, "mismatch")])
def test_what_a_sum_does_depends_on_the_run(rose, code):
    training = training_of(regression(loss=keras.losses.MeanSquaredError(reduction="sum")))
    assert averaged_loss.is_told_to_sum(training)
    change = averaged_loss.averaged(training, 8, rate=0.1, rose=rose, factor=None)
    assert change.code.endswith(code)
    assert change.fault.startswith("the loss is summed over the 8 rows of a batch")


def test_a_mean_is_no_sum():
    assert not averaged_loss.is_told_to_sum(training_of(regression()))


def test_a_step_gets_the_mean_of_the_sparse_gradient_of_an_embedding():
    table, optimizer = layers.Embedding(3, 1, embeddings_initializer="ones"), optimizers.SGD(1.0)
    table.build((None,))
    weights = table.trainable_variables[0].value

    def update(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(table(rows))
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])
        return loss

    rows = tf.data.Dataset.from_tensor_slices(np.array([0, 0, 0, 1])).batch(4)
    training = training_of(step(update, variables=[weights], data=rows, optimizer=optimizer))
    change = averaged_loss.averaged(training, 4, rate=1.0, rose=True, factor=1.0)
    with change.variant(training):
        assert float(training.step(training.first_batch())) == 1.0
    np.testing.assert_allclose(weights.numpy()[:, 0], [0.25, 0.75, 1.0])
    training.release()


def test_of_several_losses_those_that_are_summed_become_means():
    inputs = keras.Input((4,))
    heads = {name: layers.Dense(1, name=name)(inputs) for name in ("rent", "size")}
    model = keras.Model(inputs, heads)
    summed = keras.losses.MeanSquaredError(reduction="sum")
    model.compile(optimizers.SGD(0.1), {"rent": summed, "size": keras.losses.MeanAbsoluteError()})
    x, targets = np.ones((5, 4), "float32"), np.ones((5, 1), "float32")
    training = training_of(fit(model, x, {"rent": targets, "size": targets}))
    assert averaged_loss.is_told_to_sum(training)
    change = averaged_loss.averaged(training, 5, rate=0.1, rose=True, factor=1.0)
    y = {"rent": np.ones((5, 1), "float32"), "size": np.zeros((5, 1), "float32")}
    guess = {name: np.zeros((5, 1), "float32") for name in y}
    assert float(model.compute_loss(None, y, guess)) == pytest.approx(5.0)
    with change.variant(training):
        assert float(model.compute_loss(None, y, guess)) == pytest.approx(1.0)
    assert float(model.compute_loss(None, y, guess)) == pytest.approx(5.0)
    old = 'keras.losses.MeanSquaredError(reduction="sum")'
    assert change.fix == f"keras.losses.MeanSquaredError()  # instead of {old}"
    assert change.fault.startswith("one of the losses is summed over the 5 rows of a batch")
