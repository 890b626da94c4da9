"""Convolutions whose outputs see every place."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.wider_view import wider_view
from tests.zoo.problems import fit
from tests.zoo.trainings import running


def model_of(*parts, shape):
    model = keras.Sequential([keras.Input(shape), *parts, layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse")
    return model


def causal(count, size=2, length=12, **settings):
    convs = [
        layers.Conv1D(3, size, padding="causal", name=f"conv_{n}", **settings) for n in range(count)
    ]
    return model_of(*convs, shape=(length, 1))


def conv2d(number):
    return layers.Conv2D(3, 3, padding="same", name=f"conv_{number}")


def all_seen(model, shape, place):
    """Whether an output has a slope by every place of the input."""
    x = tf.constant(np.random.default_rng(0).normal(size=(1, *shape)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = model(x)[(0, *place, 0)]
    return bool(np.all(tape.gradient(output, x) != 0))


@pytest.mark.parametrize(
    ("make", "shape", "ways"),
    [
        (lambda: causal(3), (12, 1), ["with wider kernels", "dilated"]),
        (lambda: causal(6, length=30), (30, 1), ["with wider kernels", "dilated"]),
        (lambda: causal(2, length=90), (90, 1), ["dilated"]),
        (
            lambda: model_of(layers.Conv2D(3, 3, padding="same"), shape=(6, 5, 1)),
            (6, 5, 1),
            ["with wider kernels"],
        ),
    ],
    ids=["series", "deep", "long", "pictures"],
)
def test_every_output_sees_all_places(make, shape, ways):
    model = make()
    last = tuple(size - 1 for size in shape[:-1])
    assert not all_seen(model, shape, last)
    y = np.zeros((4, *shape), "float32")
    training = running(fit(model, y, y), steps=3).training
    found = wider_view(model)
    assert len(found) == len(ways)
    assert all(change.change.endswith(way) for change, way in zip(found, ways, strict=True))
    for change in found:
        with change.variant(training):
            assert all_seen(training.model, shape, last)
        assert training.model is model
        assert change.fault.startswith("an output sees ")


def test_the_code_says_what_changes():
    wide, dilated = wider_view(causal(2))
    assert wide.fault == "an output sees 3 of 12 steps"
    assert wide.fix.startswith(
        'keras.layers.Conv1D(3, 7, padding="causal", name="conv_0")  # layer'
    )
    assert dilated.fix.startswith('keras.layers.Conv1D(3, 4, padding="causal", name="conv_0")  # ')
    assert "dilation_rate=4" in dilated.fix


def test_kernels_of_far_more_weights_are_not_tried():
    assert wider_view(causal(1, length=90)) == []
    (change,) = wider_view(model_of(*(conv2d(n) for n in range(3)), shape=(40, 40, 1)))
    assert change.change.endswith(" dilated")
    assert "Conv2D(3, (5, 5), strides=(1, 1)" not in change.fix
    assert "Conv2D(3, (5, 5), " in change.fix


@pytest.mark.parametrize(
    "model",
    [causal(2, size=8), causal(3, size=3, dilation_rate=3), model_of(layers.GRU(2), shape=(12, 1))],
    ids=["wide enough", "dilated enough", "recurrent"],
)
def test_models_that_see_all_are_left_alone(model):
    assert wider_view(model) == []
