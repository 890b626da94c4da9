"""The user's functions that run in a place of a training, and what their names hold."""

from __future__ import annotations

import ast
import functools

import keras
import tensorflow as tf

from pytest_converge.training.interventions.own_functions import functions_at, values_of
from tests.training.interventions.trainings import written

RATE = 0.1


def inner(x):
    return RATE * x


def outer(x):
    return inner(x) + tf.reduce_sum(x)


class Trainer:
    def __init__(self):
        self.rate = 0.5

    def half(self, x):
        return self.rate * x

    def step(self, x):
        return self.half(x)


class Mine(keras.layers.Layer):
    def call(self, inputs):
        return outer(inputs)


class OfMine(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return inner(y_true - y_pred)


def names(training, layer=""):
    return [each.node.name for each in functions_at(training, layer)]


def test_functions_that_a_step_calls_come_behind_it():
    assert names(written(function=outer)) == ["outer", "inner"]
    assert names(written(function=tf.function(outer))) == ["outer", "inner"]
    assert names(written(function=functools.partial(outer, 1.0))) == ["outer", "inner"]
    assert names(written(function=Trainer().step)) == ["step", "half"]


def test_a_layer_of_the_users_runs_its_call():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="d"), Mine(name="m")])
    training = written(model, function=inner)
    assert names(training, "m") == ["call", "outer", "inner"]
    assert names(training, "d") == []
    assert names(training, "unknown") == []


def test_a_model_that_is_fitted_runs_its_loss():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", OfMine())
    assert names(written(model, verb="fit")) == ["call", "inner"]
    model.compile("sgd", "mse")
    assert names(written(model, verb="fit")) == []


def test_names_and_attributes_hold_values():
    (own, *_) = functions_at(written(function=inner))
    assert values_of(own)(ast.parse("RATE", mode="eval").body) == 0.1
    assert values_of(own)(ast.parse("unknown", mode="eval").body) is None
    (own, *_) = functions_at(written(function=Trainer().step))
    assert values_of(own)(ast.parse("self.rate", mode="eval").body) == 0.5
