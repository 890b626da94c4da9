"""Outputs behind a function that makes them positive."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions.positive_output import positive_output
from pytest_converge.training.measures.output_columns import OutputColumns

X = np.linspace(-3, 3, 32).reshape(8, 4).astype("float32")


def changes_of(model, layer, first, end):
    columns = OutputColumns(layer=layer.name, first=first, end=end, width=3)
    return positive_output([model], columns, predictions="p", fault="negative")


@pytest.mark.parametrize(("first", "end"), [(0, 1), (1, 2), (1, 3)])
def test_some_columns_are_made_positive_and_the_line_does_the_same(first, end):
    head = layers.Dense(3)
    model = keras.Sequential([keras.Input((4,)), head])
    before = np.asarray(model(X))
    change, *others = changes_of(model, head, first, end)
    with change.variant(None):
        during = np.asarray(model(X))
    np.testing.assert_array_equal(np.asarray(model(X)), before)
    assert (during[:, first:end] > 0).all()
    names = {"p": tf.constant(before), "tf": tf}
    exec(change.fix, names)  # noqa: S102 - the line is what is tested
    np.testing.assert_allclose(names["p"], during, rtol=1e-6)
    assert len(others) == 2
    assert change.change.startswith(f"softplus over column{'s' * (end - first > 1)} {first}")


def test_a_whole_output_gets_an_activation():
    head = layers.Dense(3)
    model = keras.Sequential([keras.Input((4,)), head])
    change = changes_of(model, head, 0, 3)[0]
    with change.variant(None):
        assert (np.asarray(model(X)) > 0).all()
    assert change.change == "output with softplus"
    assert change.fix == f'keras.layers.Dense(3, activation="softplus")  # layer {head.name}'


def test_a_whole_output_without_an_activation_is_changed_where_it_is_read():
    joined = layers.Concatenate()
    given = keras.Input((4,))
    model = keras.Model(given, joined([layers.Dense(1)(given), layers.Dense(2)(given)]))
    change = changes_of(model, joined, 0, 3)[1]
    with change.variant(None):
        assert (np.asarray(model(X)) > 0).all()
    assert change.fix.startswith("p = tf.exp(p) + 0.001  # p: the output of concatenate")


def test_a_layer_that_no_model_has_is_left_alone():
    assert changes_of(keras.Sequential([keras.Input((4,))]), layers.Dense(3), 0, 1) == []
