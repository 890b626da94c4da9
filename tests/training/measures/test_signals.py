"""What the rows of a training say about its targets, whatever its model is."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, optimizers

from pytest_converge.training.measures.signals import signal_of
from tests.zoo.problems import fit, minimize, sequential
from tests.zoo.trainings import running

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 3)).astype("float32")


def signal_in(y, x=X):
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    return signal_of(running(fit(model, x, y), steps=1).training)


def test_targets_that_depend_on_their_inputs():
    signal = signal_in(X[:, 0] - X[:, 1])
    assert signal.some
    assert signal.skill > 0.9


def test_targets_that_do_not():
    signal = signal_in(rng.normal(size=400))
    assert signal.none
    assert not signal.some


def test_of_several_targets_the_one_that_is_told_best():
    inputs = keras.Input((3,))
    heads = {name: layers.Dense(1, name=name)(inputs) for name in ("told", "noise")}
    model = keras.Model(inputs, heads)
    model.compile(optimizers.SGD(0.1), {"told": "mse", "noise": "mse"})
    y = {"told": X[:, 0], "noise": rng.normal(size=400).astype("float32")}
    assert signal_of(running(fit(model, X, y), steps=1).training).skill > 0.9


def test_nothing_is_said_of_inputs_as_targets_and_without_data():
    model = sequential(layers.Dense(3), optimizer=optimizers.SGD(0.1), loss="mse")
    assert signal_of(running(fit(model, X, X), steps=1).training) is None
    w = keras.Variable([1.0])
    start = minimize(lambda: keras.ops.sum(w**2), [w], optimizers.SGD(0.1))
    assert signal_of(running(start, steps=1).training) is None
