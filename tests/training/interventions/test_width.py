"""Wider and deeper models."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.training.interventions import width
from tests.training.interventions.trainings import of_model, regression
from tests.zoo.problems import fit
from tests.zoo.trainings import running, training_of


def factors(*sizes):
    one, other = keras.Input((1,)), keras.Input((1,))
    parts = [layers.Embedding(5, size)(x) for size, x in zip(sizes, (one, other), strict=True)]
    out = layers.Flatten()(layers.Concatenate()(parts))
    return keras.Model([one, other], out)


@pytest.mark.parametrize(("sizes", "said"), [((1, 1), 2), ((4, 4), 2), ((4, 1), 1)])
def test_embeddings_are_widened_but_for_offsets_beside_others(sizes, said):
    assert len(width.wider(factors(*sizes)).where) == said


def test_a_wider_model_keeps_its_output(parts_during):
    before, (during,), _ = parts_during(regression(), of_model(width.wider))
    assert before["sizes"] == [4, None, 1]
    assert during["sizes"] == [32, None, 1]


def test_initialisers_that_do_not_tell_their_settings_keep_them():
    """Of `Identity` Keras' configuration lacks the gain."""
    layer = layers.SimpleRNN(2, recurrent_initializer=keras.initializers.Identity(0.3), name="r")
    model = keras.Sequential([keras.Input((3, 2)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    change = width.wider(model)
    training = running(
        fit(model, np.zeros((8, 3, 2), "float32"), np.zeros((8, 1), "float32"))
    ).training
    with change.variant(training):
        kernel = training.model.get_layer("r").cell.recurrent_kernel.numpy()
    assert np.allclose(kernel, 0.3 * np.eye(32))


def test_what_is_frozen_is_not_made_wider():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(2, trainable=False, name="frozen"),
            layers.Dense(2, name="hidden"),
            layers.Dense(1),
        ]
    )
    assert width.wider(model).where == ("hidden",)


def two_codes(*, adapted=False):
    """A model of two inputs without anything between their codes and the output."""
    one, other = keras.Input((3,)), keras.Input((3,))
    norm = layers.Normalization(name="norm")
    if adapted:
        norm.adapt(np.full((4, 3), 5.0) + np.eye(4, 3))
    encode = layers.Dense(4, name="encode")
    codes = [encode(norm(x) if adapted else x) for x in (one, other)]
    out = layers.Dense(1, "sigmoid", name="same")(layers.Concatenate()(codes))
    return keras.Model([one, other], out)


def test_a_linear_model_of_any_shape_gets_a_hidden_layer():
    change = width.deeper(two_codes())
    assert change.where == ("same",)
    training = training_of(compiled(two_codes()))
    with change.variant(training):
        assert len(training.trainable) == 6  # two more: those of the hidden layer
        assert [x.name for x in training.model.layers if x.weights] == ["encode", "same"]
    assert len(training.trainable) == 4


def compiled(model):
    model.compile(optimizers.SGD(0.1), "binary_crossentropy")
    x = np.random.default_rng(0).normal(size=(2, 32, 3)).astype("float32")
    return fit(model, [*x], (x[0, :, :1] > x[1, :, :1]).astype("float32"))


def test_a_model_with_an_activation_inside_is_not_linear():
    parts = [layers.Dense(4), layers.Activation("tanh"), layers.Dense(1)]
    assert width.deeper(keras.Sequential([keras.Input((3,)), *parts])) is None
    leaky = [layers.Dense(4), layers.LeakyReLU(negative_slope=0.3), layers.Dense(1)]
    assert width.deeper(keras.Sequential([keras.Input((3,)), *leaky])) is None
    recurrent = [layers.SimpleRNN(4, activation="linear"), layers.Dense(1)]
    assert width.deeper(keras.Sequential([keras.Input((3, 2)), *recurrent])) is None


@pytest.mark.parametrize("larger", [width.wider, width.deeper])
def test_what_a_layer_was_adapted_to_stays(larger):
    model = two_codes(adapted=True)
    training = training_of(compiled(model))
    with larger(model).variant(training):
        means = training.model.get_layer("norm").mean
    assert means.numpy().ravel() == pytest.approx([5.25, 5.25, 5.25])


class Tower(keras.Model):
    """Layers that Keras cannot list in their order, one of them frozen."""

    def __init__(self):
        super().__init__()
        self.frozen = layers.Dense(3, trainable=False)
        self.hidden = layers.Dense(2, "relu")
        self.out = layers.Dense(1)
        self.spare = layers.Dropout(0.1)

    def call(self, x):
        return self.out(self.hidden(self.frozen(x)))


def tower():
    layers.Dense(7)  # no part of the model
    model = Tower()
    model.compile(optimizers.SGD(0.01), "mse")
    return model


def test_a_model_that_keras_cannot_clone_is_built_wider():
    x = np.ones((8, 4), "float32")
    training = training_of(fit(tower, x, x[:, :1]))
    change = width.built_wider(training)
    assert len(change.where) == 1
    assert "keras.layers.Dense(32, " in change.fix
    with change.variant(training):
        assert [x.units for x in training.model.layers if hasattr(x, "units")] == [3, 32, 1]
    assert training.model.hidden.units == 2
    assert layers.Dense(2).units == 2


def test_a_model_without_a_function_is_not_built():
    x = np.ones((8, 4), "float32")
    assert width.built_wider(training_of(fit(tower(), x, x[:, :1]))) is None
