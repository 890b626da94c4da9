"""Inputs and targets that a dataset shuffles apart."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data.sources import read_batches
from pytest_converge.training.measures.pairing import shuffled_apart

COUNT = 64
X = np.random.default_rng(0).normal(size=(COUNT, 3)).astype("float32")
CLASSES = np.arange(COUNT) % 2
AMOUNTS = X.sum(axis=1)


def of(array):
    return tf.data.Dataset.from_tensor_slices(array)


def apart(targets, **options):
    x = of(X).shuffle(COUNT, seed=1, **options)
    return tf.data.Dataset.zip((x, of(targets).shuffle(COUNT, seed=2, **options)))


def together(targets):
    return tf.data.Dataset.zip((of(X), of(targets))).shuffle(COUNT)


def cropped(x, y):
    return x + tf.random.normal([3]), y


def noisy(x, y):
    return x, tf.where(tf.random.uniform([]) < 0.2, 1 - y, y)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (apart(CLASSES), True),
        (apart(AMOUNTS), True),
        (apart(AMOUNTS, reshuffle_each_iteration=False), True),
        (apart(AMOUNTS).repeat(), True),
        (tf.data.Dataset.zip((of(X).shuffle(COUNT), of(AMOUNTS))), True),
        (together(CLASSES), False),
        (together(AMOUNTS).repeat(), False),
        (together(CLASSES).map(noisy), False),
        (apart(CLASSES).map(cropped), False),
        (together(np.zeros(COUNT)), False),
    ],
    ids=[
        "classes",
        "amounts",
        "in one order",
        "endless",
        "inputs alone",
        "pairs of classes",
        "endless pairs",
        "noise of labels",
        "inputs drawn anew",
        "one target",
    ],
)
def test_pairs_that_shuffles_tear(dataset, expected):
    data = read_batches(dataset.batch(16), None, steps=10, shuffle=True, seed=0)
    assert shuffled_apart(data, data.in_source_order()) is expected
