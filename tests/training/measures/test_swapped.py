"""Losses that take the logarithm of the targets."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.swapped import logarithm_of_targets
from tests.training.measures.steps import classifying, flow_of
from tests.zoo.problems import linear

log = tf.math.log
binary, categorical = keras.losses.BinaryCrossentropy(), keras.losses.CategoricalCrossentropy()
of_logits = keras.losses.BinaryCrossentropy(from_logits=True)
of_class_logits = keras.losses.CategoricalCrossentropy(from_logits=True)


def own(y, p):
    return -(y * log(p + 1e-7) + (1 - y) * log(1 - p + 1e-7))


def divergence(y, p):
    return p * (log(p) - log(y + 1e-7))


def entropy(y, p):
    return y * log(y + 1e-7) - y * log(p)


def seen(loss_of, *, head="softmax", amounts=False):
    x, y = linear(0, rows=32)
    labels = (y > 0).astype("float32")
    targets = np.concatenate([labels, 1 - labels], axis=1)
    targets = targets * 5 if amounts else targets
    parts = [keras.Input((4,)), layers.Dense(2, head)]
    return logarithm_of_targets(flow_of(classifying(x, targets, *parts, loss_of=loss_of)))


@pytest.mark.parametrize(
    ("loss", "head"),
    [
        (binary, "softmax"),
        (categorical, "softmax"),
        (keras.losses.binary_crossentropy, "softmax"),
        (of_logits, None),
        (of_class_logits, None),
        (own, "softmax"),
    ],
)
def test_a_cross_entropy_is_seen_where_its_arguments_are_swapped(loss, head):
    assert seen(lambda y, p: loss(p, y), head=head)
    assert not seen(loss, head=head)


@pytest.mark.parametrize("loss", [divergence, entropy, "kl_divergence", "mse", "poisson"])
def test_other_logarithms_of_targets_are_no_mistake(loss):
    assert not seen(loss if callable(loss) else keras.losses.get(loss))


def test_targets_that_are_no_labels_are_left_alone():
    assert not seen(lambda y, p: tf.reduce_mean(p * log(y + 1)), amounts=True)


def test_the_logarithm_of_amounts_that_are_zero_is_no_mistake_of_another_kind():
    """A policy's loss on advantages: the chosen action has one, the others have none."""

    def policy(y, p):
        return -tf.reduce_sum(y * log(p), axis=-1)

    assert seen(lambda y, p: policy(p, y), amounts=True)
    assert not seen(policy, amounts=True)
    assert not seen(lambda y, p: policy(p, y + 1e-7), amounts=True)
