"""The optimizers that a model could apply, found without running it."""

from __future__ import annotations

import functools

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.model.held_optimizers import held_optimizers, names_seen

GLOBAL = optimizers.SGD(0.1)
COMPILED = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
COMPILED.compile(optimizers.SGD(0.2))


class Naming(keras.Model):
    def train_step(self, batch):
        GLOBAL.apply_gradients([])
        COMPILED.optimizer.apply_gradients([])
        return {"loss": batch}


def names_of(model):
    return [name for name, _ in held_optimizers(model)]


def test_what_methods_name_is_found_also_in_models():
    model = Naming()
    model.compile()
    assert names_of(model) == ["optimizer", "GLOBAL", "COMPILED.optimizer"]


def test_attributes_containers_and_layers_are_looked_through_once():
    model, part = keras.Model(), keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    part.compile(optimizers.SGD(0.1))
    model.compile(optimizers.SGD(0.1))
    model.again = model.optimizer
    model.part = model.same_part = part
    model.by_name = {"slow": [optimizers.SGD(0.1)]}
    model._hidden = tf.compat.v1.train.AdamOptimizer(0.1)
    model.whole = model
    assert sorted(names_of(model)) == [
        "_hidden",
        "by_name['slow'][0]",
        "optimizer",
        "part.optimizer",
    ]


def test_of_an_optimizer_around_another_the_outer_one_counts():
    model, inner = keras.Model(), optimizers.SGD(0.1)
    model.compile(None)
    model.inner, model.outer = inner, optimizers.LossScaleOptimizer(inner)
    assert names_of(model) == ["outer"]


@pytest.mark.parametrize(
    "function",
    [Naming.train_step, Naming().train_step, tf.function(Naming.train_step)],
    ids=["plain", "bound", "compiled"],
)
def test_functions_of_every_kind_are_seen_through(function):
    assert names_seen(function)["GLOBAL"] is GLOBAL


@pytest.mark.parametrize("other", [len, functools.partial(len), 3, property(len)])
def test_what_is_no_function_names_nothing(other):
    assert names_seen(other) == {}
