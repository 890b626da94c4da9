"""An output in the terms in which the loss reads it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions import misread_output
from pytest_converge.training.measures.logits import Misread
from tests.training.interventions.trainings import written

LOGITS = {"takes": "logits", "given": "softmax", "low": 0.0, "high": 1.0}
PROBABILITIES = {"takes": "probabilities", "low": -3.0, "high": 3.0, "fitting": "softmax"}


def model_of(*parts):
    return keras.Sequential([keras.Input((4,)), *parts])


@pytest.mark.parametrize(
    ("last", "read", "line", "sums_to_one"),
    [
        (lambda: layers.Dense(3, "softmax"), LOGITS, "keras.layers.Dense(3)", False),
        (layers.Softmax, LOGITS, 'keras.layers.Activation("linear")', False),
        (lambda: layers.Activation("softmax"), LOGITS, 'keras.layers.Activation("linear")', False),
        (
            lambda: layers.Dense(3),
            PROBABILITIES,
            'keras.layers.Dense(3, activation="softmax")',
            True,
        ),
    ],
    ids=["dense", "softmax", "activation", "no activation"],
)
def test_the_layer_puts_out_what_is_read(last, read, line, sums_to_one):
    model = model_of(layers.Dense(3), last())
    layer, x = model.layers[-1], np.ones((2, 4), "float32")
    before = np.asarray(model(x))
    change = misread_output.as_read(written(model), Misread(layer=layer.name, **read))
    with change.variant(None):
        during = np.asarray(model(x))
    np.testing.assert_array_equal(np.asarray(model(x)), before)
    assert np.allclose(during.sum(axis=-1), 1.0) == sums_to_one
    assert change.fix == f"{line}  # layer {layer.name}"


@pytest.mark.parametrize("given", ["softmax", "sigmoid"])
def test_the_only_such_operation_of_a_step_is_left_out(given):
    read = Misread(takes="logits", given=given, low=0.0, high=1.0, layer="", alone=True)
    change, logits = misread_output.as_read(written(), read), np.array([[1.0, 3.0]], "float32")
    with change.variant(None):
        np.testing.assert_array_equal(getattr(tf.nn, given)(logits), logits)
    assert not np.array_equal(getattr(tf.nn, given)(logits), logits)
    assert change.fix == f"outputs = logits  # no tf.nn.{given}(logits) before the loss"
    assert change.where == ()


@pytest.mark.parametrize(
    ("layer", "read"), [("elsewhere", LOGITS), ("bn", LOGITS)], ids=["unknown", "no activation"]
)
def test_without_an_activation_to_set_there_is_no_change(layer, read):
    model = model_of(layers.BatchNormalization(name="bn"))
    assert misread_output.as_read(written(model), Misread(layer=layer, **read)) is None


@pytest.mark.parametrize(
    ("last", "line"),
    [
        (layers.Softmax(axis=1, name="last"), 'keras.layers.Softmax(name="last")  # layer last'),
        (
            layers.Lambda(lambda z: tf.nn.softmax(z, axis=1), name="last"),
            "tf.nn.softmax(logits, axis=-1)  # instead of axis=1 in last",
        ),
    ],
    ids=["layer", "function"],
)
def test_a_softmax_is_taken_over_the_last_axis(last, line):
    model = keras.Sequential([keras.Input((5, 4)), layers.Softmax(axis=1), last])
    read = Misread(
        takes="classes", given="softmax", low=0.0, high=1.0, layer="last", alone=True, axis=1
    )
    change, x = misread_output.as_read(written(model), read), np.ones((2, 5, 4), "float32")
    before = np.asarray(model(x))
    with change.variant(None):
        during = np.asarray(model(x))
    np.testing.assert_array_equal(np.asarray(model(x)), before)
    np.testing.assert_allclose(before, 0.2, rtol=1e-6)
    np.testing.assert_allclose(during, 0.25, rtol=1e-6)
    assert change.fix.startswith(line)


class ByHand(layers.Layer):
    def call(self, scores):
        shares = tf.exp(scores)
        return shares / tf.reduce_sum(shares, axis=-1, keepdims=True)


def test_a_softmax_by_hand_is_summed_over_the_steps():
    model = keras.Sequential([keras.Input((5, 1)), ByHand(name="own")])
    read = {"takes": "weights", "given": "softmax", "by_hand": "Sum", "classes": 1}
    misread = Misread(**read, low=1.0, high=1.0, layer="own", alone=True)
    change, x = misread_output.as_read(written(model), misread), np.ones((2, 5, 1), "float32")
    with change.variant(None):
        np.testing.assert_allclose(model(x), 0.2, rtol=1e-6)
    np.testing.assert_array_equal(model(x), 1.0)
    line = "return shares / tf.reduce_sum(shares, axis=1, keepdims=True)  # test_misread_output.py"
    assert change.fix.startswith(line)
    assert misread_output.as_read(written(), misread) is None


@pytest.mark.parametrize(
    ("given", "axis", "classes"), [("softmax", 2, 1), ("log_softmax", 1, -1)], ids=["1", "last"]
)
def test_the_only_softmax_of_a_step_is_taken_over_the_axis_of_the_classes(given, axis, classes):
    read = {"takes": "classes", "low": 0.0, "high": 1.0, "layer": "", "alone": True}
    misread = Misread(given=given, axis=axis, classes=classes, **read)
    change = misread_output.as_read(written(), misread)
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    softmax = getattr(tf.nn, given)
    with change.variant(None):
        during = softmax(x, axis=axis)
    np.testing.assert_allclose(during, softmax(x, axis=classes), rtol=1e-6)
    assert change.fix == f"tf.nn.{given}(logits, axis={classes})  # instead of axis={axis}"
