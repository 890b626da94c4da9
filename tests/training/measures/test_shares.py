"""Targets that a binary cross-entropy of the user's own reads as probabilities."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.shares import targets_read_as_shares
from tests.training.measures.steps import classifying, flow_of
from tests.zoo.problems import linear

log = tf.math.log


def own(y, p):
    return -tf.reduce_mean(y * log(p + 1e-7) + (1.0 - y) * log(1.0 - p + 1e-7))


def by_tensorflow(y, x):
    return tf.nn.sigmoid_cross_entropy_with_logits(y, x)


def smooth(y, x):
    return tf.nn.sigmoid_cross_entropy_with_logits(0.9 * y + 0.05, x)


def distance(y, p):
    return (1 - y) * p**2 + y * tf.maximum(1.0 - p, 0.0) ** 2


def seen(loss, head, labels=(-1, 1)):
    x, y = linear(0, rows=32)
    y = np.where(y > 0, *labels[::-1]).astype("float32")
    parts = [keras.Input((4,)), layers.Dense(1, head)]
    return targets_read_as_shares(flow_of(classifying(x, y, *parts, loss_of=loss)))


@pytest.mark.parametrize(
    ("loss", "head"),
    [
        (own, "sigmoid"),
        (by_tensorflow, None),
        (keras.losses.binary_crossentropy, "sigmoid"),
        (keras.losses.BinaryCrossentropy(from_logits=True), None),
        (smooth, None),
    ],
)
def test_binary_cross_entropies_read_their_targets_so(loss, head):
    found = seen(loss, head)
    assert (found.leaf, found.beyond) == ("y", True)
    assert not seen(loss, head, labels=(0, 1)).beyond


@pytest.mark.parametrize("loss", [distance, keras.losses.mean_squared_error, keras.losses.hinge])
def test_others_do_not(loss):
    assert seen(loss, None) is None


def test_labels_that_the_loss_itself_encodes_are_probabilities():
    found = seen(lambda y, x: by_tensorflow(tf.cast(y > 0, tf.float32), x), None)
    assert (found.low, found.high) == (0.0, 1.0)
    assert not found.beyond
