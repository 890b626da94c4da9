"""Recurrent layers that keep what their first steps say."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions import through_time

X = np.random.default_rng(0).normal(size=(4, 30, 2)).astype("float32")


def built(layer):
    keras.Sequential([keras.Input((None, 2)), layer])
    return layer


def moved_by_the_first_step(layer):
    """How far another first step moves the last state."""
    other = X.copy()
    other[:, 0] += 1.0
    return float(np.abs(np.asarray(layer(X)) - np.asarray(layer(other))).max())


def test_the_identity_keeps_the_first_step():
    layer = built(layers.SimpleRNN(4, name="rnn"))
    change = through_time.identity(layer)
    with change.variant(None):
        assert layer.cell.activation is keras.activations.relu
    (value,) = change.start(None, {}).values()
    np.testing.assert_array_equal(value, np.eye(4))
    given = 'activation="relu", recurrent_initializer=keras.initializers.Identity()'
    assert change.fix == f'keras.layers.SimpleRNN(4, {given}, name="rnn")  # layer rnn'


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_open_gates_keep_the_first_step(kind):
    keras.utils.set_random_seed(0)
    layer = built(kind(8))
    change = through_time.long_memory(layer, 300)
    before = moved_by_the_first_step(layer)
    (bias,) = change.start(None, {}).values()
    layer.cell.bias.assign(bias)
    assert moved_by_the_first_step(layer) > 5 * before
    made = np.asarray(layer.cell.bias)
    layer.cell.bias.assign(np.zeros_like(made))
    model = keras.Sequential([keras.Input((None, 2)), layer])
    if kind is layers.LSTM:  # the code to paste starts from what Keras draws
        layer.cell.bias.assign(np.repeat([0.0, 1.0, 0.0, 0.0], 8))
    exec(change.fix, {"np": np, "model": model})  # noqa: S102  the code that users paste
    np.testing.assert_allclose(np.asarray(layer.cell.bias), made, rtol=1e-5)


def test_rows_are_read_from_the_other_end():
    layer = built(layers.GRU(3, name="gru"))
    before = np.asarray(layer(X[:, ::-1]))
    change = through_time.read_backwards(layer)
    with change.variant(None):
        np.testing.assert_allclose(np.asarray(layer(X)), before, rtol=1e-5)
    assert change.fix == "keras.layers.GRU(3, go_backwards=True)  # layer gru"


@pytest.mark.parametrize(
    "layer",
    [layers.GRU(3, return_sequences=True), layers.Bidirectional(layers.GRU(3))],
    ids=["every step", "both directions"],
)
def test_what_puts_out_every_step_or_reads_both_ways_keeps_its_direction(layer):
    assert through_time.read_backwards(layer) is None
