"""An output in larger units."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.interventions.scaled_output import grown_output, times
from tests.zoo.problems import step
from tests.zoo.trainings import quiet, running

PLACES = np.linspace(0.0, 1.0, 64, dtype="float32")[:, None]


def rod(last="linear", *, held=400.0):
    """The temperature along a rod, which is held at one temperature at both ends."""
    network = keras.Sequential(
        [keras.Input((1,)), layers.Dense(16, "tanh"), layers.Dense(1, last, name="last")]
    )
    optimizer = optimizers.Adam(0.05)
    optimizer.build(network.trainable_variables)
    ends = tf.constant([[0.0], [1.0]])

    def train(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(x) - held) ** 2) / 1e4
            loss += tf.reduce_mean((network(ends) - held) ** 2) / 1e4
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(PLACES).batch(32)
    return step(train, variables=network.trainable_variables, data=data, optimizer=optimizer)


def grown(start):
    run = running(start, steps=60)
    run.run(0)
    reruns = Reruns(run, 0, quiet)
    return run, grown_output(run.training, reruns.start, reruns.end)


def test_an_output_on_its_way_to_large_numbers_grows():
    _, found = grown(rod())
    assert found.layer.name == "last"
    assert found.end > 10 * found.start > 0


def test_a_bounded_output_cannot_grow():
    assert grown(rod("sigmoid"))[1] is None


@pytest.mark.parametrize("factor", [10.0, 100.0])
def test_the_output_is_larger_meanwhile(factor):
    run, found = grown(rod())
    before = run.restart() or run.run(0).curve.last
    change = times(found.layer, factor, "unscaled-targets")
    assert change.fix == f"keras.layers.Rescaling({factor!r})  # behind last"
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert after < 0.5 * before
    assert found.layer.call.__self__ is found.layer
