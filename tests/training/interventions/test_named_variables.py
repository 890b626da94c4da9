"""What the user's code calls the trained variables."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from pytest_converge.training.interventions.named_variables import (
    all_variables,
    known_in,
    one_variable,
    the_model,
)
from tests.training.interventions.trainings import written

w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.0)
weights = [w, b]
by_name = {"slope": w, "shift": b}
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def by_two_names():
    return w + b


def by_a_list():
    return weights[0] + weights[1]


def by_keys():
    return by_name["slope"] + by_name["shift"]


def by_a_model():
    return model(tf.ones((1, 2)))


def by_a_model_and_a_name():
    return model(tf.ones((1, 2))) * b


def by_two_models():
    return model(tf.ones((1, 2))) + other(tf.ones((1, 2)))


def by_nothing(x):
    return x


class Locator:
    def __init__(self):
        self.position = w

    def misfit(self):
        return self.position


OF_MODEL = model.trainable_variables


@pytest.mark.parametrize(
    ("function", "trainable", "every", "second"),
    [
        (by_two_names, [w, b], "[w, b]", "b"),
        (by_two_names, [b, w], "[b, w]", "w"),
        (by_a_list, [w, b], "weights", "weights[1]"),
        (by_keys, [w, b], "by_name.values()", "by_name['shift']"),
        (by_a_model, OF_MODEL, "model.trainable_variables", ""),
        (by_a_model_and_a_name, [*OF_MODEL, b], "[*model.trainable_variables, b]", ""),
        (
            by_two_models,
            [*other.trainable_variables, *OF_MODEL],
            "model.trainable_variables + other.trainable_variables",
            "",
        ),
        (by_nothing, [w, b], "", ""),
        (None, [w, b], "", ""),
    ],
)
def test_the_names_are_those_that_the_function_knows(function, trainable, every, second):
    training = written(function=function, trainable=trainable)
    assert all_variables(training) == every
    assert one_variable(training, 1) == second


def test_a_fitted_model_holds_its_variables():
    assert all_variables(written(model, verb="fit")) == "model.trainable_variables"


def test_a_model_comes_before_one_of_its_layers():
    deep = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    first = deep.layers[0]

    def by_both():
        return deep(first(tf.ones((1, 2))))

    training = written(function=by_both, trainable=deep.trainable_variables)
    assert all_variables(training) == "deep.trainable_variables"


def test_the_only_model_of_a_step_has_its_name():
    def by_another():
        return other(tf.ones((1, 2)))

    assert the_model(written(function=by_another)) == "other"
    assert the_model(written(function=by_two_models)) == "model"
    assert the_model(written(model, verb="fit")) == "model"


def test_attributes_are_known_inside_of_their_class():
    training = written(function=Locator().misfit, trainable=[w])
    assert all_variables(training) == "[self.position]"
    assert one_variable(training, 0) == "self.position"
    assert known_in(training, "[self.position]") == "Locator"
    assert known_in(training, "[w]") == ""
