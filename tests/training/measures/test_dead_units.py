"""Units that put out nothing at the end."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.core.guard import STRICT
from pytest_converge.training.measures import dead_units as measure
from pytest_converge.training.measures.dead_units import dead_units
from tests.measured import left_alone
from tests.zoo.problems import fit, linear, minimize, sequential
from tests.zoo.trainings import running

SGD = keras.optimizers.SGD


def shares(start):
    """Shares of dead units at the start: no step is made."""
    training = running(start, steps=2).training
    with left_alone(training):
        return dead_units(training)


def biased(*biases, activation="relu"):
    hidden = layers.Dense(len(biases), activation, name="hidden")
    model = sequential(hidden, layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    hidden.bias.assign(biases)
    return fit(model, *linear(0))


def test_the_share_of_units_that_are_zero_on_every_row():
    assert shares(biased(-99.0, 0.0, 0.0, 0.0)) == {"hidden": 0.25}


def test_a_unit_that_one_row_wakes_is_alive():
    x = np.zeros((200, 4), "float32")
    x[77] = 10.0
    start = biased(-1.0, 99.0)
    start.arguments.update(x=x, y=np.zeros((200, 1), "float32"))
    start.arguments["model"].layers[0].kernel.assign(np.ones((4, 2)))
    assert shares(start) == {}


@pytest.mark.parametrize("activation", ["tanh", "elu", None])
def test_only_rectifiers_die(activation):
    assert shares(biased(-99.0, -99.0, activation=activation)) == {}


def test_channels_are_the_units_of_a_convolution():
    images = np.random.default_rng(0).normal(size=(40, 8, 8, 1)).astype("float32")
    convolution = layers.Conv2D(4, 3, name="seen")
    rectifier = layers.ReLU(name="rectifier")
    parts = [convolution, rectifier, layers.Flatten(), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(8, 8, 1))
    convolution.bias.assign([-99.0, -99.0, 0.0, 0.0])
    assert shares(fit(model, images, np.zeros((40, 1), "float32"))) == {"rectifier": 0.5}


def test_a_layer_that_serves_twice_is_dead_where_it_never_speaks():
    shared = layers.Dense(2, "relu", name="shared")
    one, other = keras.Input((1,)), keras.Input((1,))
    model = keras.Model([one, other], layers.Dense(1)(shared(one) + shared(other)))
    model.compile(SGD(0.1), "mse")
    shared.kernel.assign([[1.0, -1.0]])
    x = np.ones((20, 1), "float32")
    y = np.zeros((20, 1), "float32")
    assert shares(fit(model, [x, -x], y)) == {}
    assert shares(fit(model, [x, x], y)) == {"shared": 0.5}


def test_moving_averages_stay_as_they_are():
    parts = [layers.BatchNormalization(), layers.Dense(4, "relu"), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(4,))
    assert shares(fit(model, *linear(0))) == {}


def test_a_loss_without_a_model_has_no_units():
    w = tf.Variable(1.0)
    assert shares(minimize(lambda: w**2, [w], SGD(0.1))) == {}


def test_an_error_of_our_own_is_no_model_that_cannot_be_called(monkeypatch):
    monkeypatch.delenv(STRICT)
    monkeypatch.delattr(measure, "tf")
    with pytest.raises(NameError, match="tf"):
        shares(biased(0.0))
