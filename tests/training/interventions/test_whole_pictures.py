"""Convolutions that read every place, and places that are kept where they are pooled away."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.interventions.whole_pictures import covering, places_kept
from tests.zoo.problems import fit
from tests.zoo.trainings import quiet, running

RNG = np.random.default_rng(0)


def compiled(*parts, shape=(8, 8, 1)):
    model = keras.Sequential([keras.Input(shape), *parts, layers.Dense(1)])
    model.compile(optimizers.Adam(0.02), "mse")
    return model


def trained(model, change, x, y):
    run = running(fit(model, x, y), steps=120)
    before = run.run(0).curve.last
    with Reruns(run, 0, quiet).changed(change) as again:
        return before, again(0).curve.last


def test_a_kernel_is_as_wide_as_its_steps():
    patches = layers.Conv2D(4, 1, strides=4, name="patches")
    model = compiled(patches, layers.Flatten())
    x = RNG.normal(size=(200, 8, 8, 1)).astype("float32")
    y = x[:, 2, 3] - x[:, 6, 5]
    change = covering(model)
    assert change.fix.startswith("keras.layers.Conv2D(4, (4, 4), strides=(4, 4), name=")
    assert change.fault.startswith("patches steps by 4 x 4 with a kernel of 1 x 1: ")
    before, after = trained(model, change, x, y)
    assert before > 1.0
    assert after < 0.2


@pytest.mark.parametrize("strides", [1, 3])
def test_a_kernel_that_reads_all_is_left_alone(strides):
    assert covering(compiled(layers.Conv2D(4, 3, strides=strides), layers.Flatten())) is None


def test_places_are_kept_where_they_are_pooled():
    pool = layers.GlobalAveragePooling2D(name="pool")
    model = compiled(layers.Conv2D(4, 3, padding="same", activation="relu"), pool)
    at = RNG.integers(0, 8, size=300)
    x = np.zeros((300, 8, 8, 1), "float32")
    x[np.arange(300), RNG.integers(0, 8, size=300), at] = 1.0
    y = (at[:, None] / 4.0 - 1.0).astype("float32")
    change = places_kept(model)
    assert change.fix == "keras.layers.Flatten()  # in place of pool"
    before, after = trained(model, change, x, y)
    assert after < 0.3 * before


def test_without_pooling_or_a_known_size_nothing_is_kept():
    assert places_kept(compiled(layers.Flatten())) is None
    open_ended = compiled(layers.Conv1D(4, 3), layers.GlobalMaxPooling1D(), shape=(None, 2))
    assert places_kept(open_ended) is None
