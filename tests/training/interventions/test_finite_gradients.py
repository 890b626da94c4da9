"""Gradients that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions import finite_gradients
from tests.zoo.problems import fit, minimize, sequential
from tests.zoo.trainings import training_of


def stepped(training, batch):
    """The trained values after a step with the change, and those after it was taken back."""
    with finite_gradients.finite().variant(training):
        training.step(batch)
    return [v.numpy() for v in training.trainable]


def test_a_branch_not_taken_no_longer_spoils_the_weights():
    w = tf.Variable([0.0, 2.0])
    # One by zero: the branch is not taken, and its slope spoils the gradient all the same.
    start = minimize(lambda: tf.reduce_sum(tf.where(w > 0, 1 / w, 0.0)), [w], optimizers.SGD(1.0))
    training = training_of(start)
    (after,) = stepped(training, None)
    np.testing.assert_allclose(after, [0.0, 2.25])
    training.step(None)
    assert np.isnan(training.trainable[0].numpy()[0])


def test_sparse_gradients_are_left_as_they_are():
    parts = [layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.1), loss="mse", shape=(1,))
    training = training_of(fit(model, np.array([[1], [1], [3]]), np.ones((3, 1), "float32")))
    before = [v.numpy() for v in training.trainable]
    after = stepped(training, training.chunks(3)[0].batch)
    changed = np.flatnonzero((before[0] != after[0]).any(axis=1))
    assert set(changed) <= {1, 3}
    assert len(changed) > 0


@pytest.mark.parametrize("part", ["code", "fix"])
def test_the_repair_is_that_of_an_exploding_gradient(part):
    change = finite_gradients.finite()
    expected = {"code": "exploding-gradient", "fix": finite_gradients.FIX}
    assert getattr(change, part) == expected[part]
