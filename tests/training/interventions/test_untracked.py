"""Variables that a model uses and does not keep among its weights, trained with them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions import untracked
from pytest_converge.training.measures.untrained import Untrained
from tests.training.measures.steps import regression
from tests.zoo.trainings import training_of


class Scaled(layers.Layer):
    """Multiplies by a plain variable."""

    def __init__(self, value):
        super().__init__(name="scaled")
        self.scale = tf.Variable(value)

    def call(self, x):
        return x * self.scale


def changed(value, *, held=True):
    layer = Scaled(value)
    training = training_of(regression(layers.Dense(1), layer))
    where = {"layer": layer, "attribute": "scale"} if held else {}
    named = Untrained(variable=layer.scale, name="scaled.scale", **where)
    return training, layer, untracked.kept_as_weights([named])


@pytest.mark.parametrize("held", [True, False], ids=["in a layer", "in the model"])
def test_a_variable_is_trained_meanwhile(held):
    training, layer, change = changed(2.0, held=held)
    before = training.trainable
    with change.variant(training):
        assert any(v is layer.scale for v in training.trainable)
        training.step(training.first_batch())
    assert training.trainable == before
    assert layer.scale.numpy() != np.float32(2.0)
    assert isinstance(training.optimizers[0].optimizer, keras.optimizers.SGD)


@pytest.mark.parametrize(
    ("value", "initializer"),
    [
        (0.0, "'zeros'"),
        ([1.0, 1.0], "'ones'"),
        (0.5, "keras.initializers.Constant(0.5)"),
        ([0.25, 0.5], "'glorot_uniform'"),
    ],
)
def test_the_line_makes_a_weight_of_the_same_shape_and_start(value, initializer):
    _, layer, change = changed(value)
    shape = tuple(layer.scale.shape)
    made = f"self.scale = self.add_weight(shape={shape}, initializer={initializer})"
    assert change.fix == f"{made}  # in scaled"


@pytest.mark.parametrize(
    ("second", "line"),
    [
        ([3.0, 4.0], "shape=(2,), initializer='glorot_uniform')  # in scaled, again"),
        ([[1.0, 2.0]], "shape=self.scale.shape, initializer='glorot_uniform')  # in scaled, again"),
    ],
    ids=["of one shape", "of two"],
)
def test_layers_of_one_class_have_one_line(second, line):
    layers_ = [Scaled([0.5, 0.6]), Scaled(second)]
    layers_[1].name = "again"
    named = [
        Untrained(variable=each.scale, name=f"{each.name}.scale", layer=each, attribute="scale")
        for each in layers_
    ]
    fix = untracked.kept_as_weights(named).fix
    behind = ", behind the line that makes it" if "self.scale.shape" in line else ""
    assert fix == f"self.scale = self.add_weight({line}{behind}"


def test_a_layer_that_only_a_function_calls_becomes_part_of_the_model():
    encoder = layers.Dense(4)
    encoder.build((None, 3))
    inputs = keras.Input((3,))
    hidden = layers.Lambda(lambda x: 2.0 * encoder(x), output_shape=(4,))(inputs)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    lost = [Untrained(variable=v.value, name=v.name) for v in encoder.trainable_variables]
    change = untracked.kept_as_weights(lost, model)
    assert change.fix == "model.encoder = encoder  # before compile"
    before = len(model.trainable_variables)
    exec(change.fix, {"model": model, "encoder": encoder})  # noqa: S102 - what is pasted
    assert len(model.trainable_variables) == before + 2
