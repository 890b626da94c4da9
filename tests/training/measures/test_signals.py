"""What the rows of a training say about its targets."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.signals import signal_of
from tests.zoo.problems import fit, linear, minimize, sequential
from tests.zoo.trainings import running


def network(units=1):
    return sequential(layers.Dense(units), optimizer="sgd", loss="mse", shape=(4,))


def signal(model, x, y=None, **options):
    return signal_of(running(fit(model, x, y, **options), steps=20).training)


def test_what_the_inputs_say_is_read_from_the_rows():
    x, y = linear(0, rows=300)
    assert signal(network(), x, y).skill > 0.9


def test_targets_that_are_the_inputs_say_nothing():
    x, _ = linear(0, rows=300)
    assert signal(network(4), x, x) is None


def test_rows_of_later_passes_do_not_answer_for_those_of_the_first():
    """Of labels at random a neighbour would know, were it the row itself."""
    x, _ = linear(0, rows=160)
    y = np.random.default_rng(0).normal(size=(160, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    found = signal(network(), data)
    assert found.rows < 160
    assert not found.some


def test_rows_without_weight_do_not_count():
    x, y = linear(0, rows=300)
    y[::2] = np.random.default_rng(0).normal(size=(150, 1)) * 9
    weight = np.arange(300) % 2
    assert signal(network(), x, y, sample_weight=weight.astype("float32")).skill > 0.9


def test_of_several_targets_the_one_that_is_told_best_counts():
    x, y = linear(0, rows=300)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])
    model.compile("sgd", "mse")
    noise = np.random.default_rng(0).permutation(y)
    assert signal(model, x, [noise, y]).skill > 0.9


def test_noise_says_nothing():
    x, y = linear(0, rows=300)
    assert signal(network(), x, np.random.default_rng(0).permutation(y)).none


def test_nothing_is_said_without_data():
    w = keras.Variable([1.0])
    start = minimize(lambda: keras.ops.sum(w**2), [w], optimizers.SGD(0.1))
    assert signal_of(running(start, steps=1).training) is None
