"""Logits that an activation in front of the output's own cuts off."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions.unclipped_logits import unclipped

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")


def model_of(*last):
    return keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), *last])


@pytest.mark.parametrize("shaped", [False, True], ids=["", "with a layer between"])
@pytest.mark.parametrize("kind", ["sigmoid", "softmax", "Softmax"])
def test_the_layer_in_front_loses_its_activation(kind, shaped):
    last = layers.Softmax() if kind == "Softmax" else layers.Activation(kind)
    between = [layers.Reshape((2,))] if shaped else []
    head = layers.Dense(2, "relu", name="logits")
    model = model_of(head, *between, last)
    (change,) = unclipped(model)
    plain = keras.Model(model.inputs[0], model.layers[0].output)(X)
    before = model(X)
    with change.variant(None):
        expected = last(plain @ head.kernel + head.bias)
        np.testing.assert_allclose(model(X), expected, rtol=1e-5)
    np.testing.assert_array_equal(model(X), before)
    assert change.fault.startswith("the relu of logits leaves ")
    assert "keras.layers.Dense(2" in change.fix


@pytest.mark.parametrize(
    "last",
    [
        lambda: [layers.Dense(1), layers.Activation("sigmoid")],
        lambda: [layers.Dense(1, "sigmoid")],
        lambda: [layers.Dense(1, "relu"), layers.Activation("relu")],
        lambda: [layers.Dense(1, "relu")],
    ],
)
def test_a_model_whose_logits_are_free(last):
    assert list(unclipped(model_of(*last()))) == []


def test_a_model_of_which_no_layer_is_known():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    assert list(unclipped(Own())) == []
