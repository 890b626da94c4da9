"""Objects of Keras as code, which makes the same objects."""

from __future__ import annotations

import keras
import pytest
from keras import constraints, initializers, layers, optimizers, regularizers

from pytest_converge.training.interventions import pasted

LAYERS = {
    'keras.layers.Dense(8, activation="relu")': lambda: layers.Dense(8, "relu"),
    'keras.layers.Dense(3, name="head")': lambda: layers.Dense(3, name="head"),
    "keras.layers.Dense(3, activity_regularizer=keras.regularizers.L1(0.05))": lambda: layers.Dense(
        3, activity_regularizer=regularizers.L1(0.05)
    ),
    "keras.layers.Dense(3, bias_initializer=keras.initializers.Constant(-50.0))": (
        lambda: layers.Dense(3, bias_initializer=initializers.Constant(-50.0))
    ),
    "keras.layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(1.0))": lambda: layers.Dense(
        3, kernel_constraint=constraints.MaxNorm(1.0)
    ),
    'keras.layers.Conv2D(4, (3, 3), padding="same")': lambda: layers.Conv2D(4, 3, padding="same"),
    "keras.layers.GRU(2, recurrent_initializer=keras.initializers.Identity())": (
        lambda: layers.GRU(2, recurrent_initializer=initializers.Identity())
    ),
    "keras.layers.LSTM(8, dropout=0.3)": lambda: layers.LSTM(8, dropout=0.3),
    "keras.layers.Dropout(0.5)": lambda: layers.Dropout(0.5),
    'keras.layers.Dense(2, dtype="float16")': lambda: layers.Dense(2, dtype="float16"),
    "keras.layers.Embedding(10, 4, mask_zero=True)": lambda: layers.Embedding(
        10, 4, mask_zero=True
    ),
}


@pytest.mark.parametrize(("code", "make"), LAYERS.items(), ids=LAYERS)
def test_a_layer_is_written_as_people_write_it(code, make):
    layer = make()
    assert pasted.layer_lines([(layer, {})]) == f"{code}  # layer {layer.name}"
    made = eval(code, {"keras": keras})  # noqa: S307 - that it can be pasted is the point
    assert {**made.get_config(), "name": ""} == {**layer.get_config(), "name": ""}


def test_layers_that_become_alike_share_a_line():
    every = [layers.Dense(4, "tanh", name=name) for name in ("dense_1", "dense_2")]
    lines = pasted.layer_lines((layer, {"activation": "relu"}) for layer in every)
    assert lines == 'keras.layers.Dense(4, activation="relu")  # layers dense_1, dense_2'


class Untold(layers.Layer):
    """A layer with an argument that it does not give back."""

    def __init__(self, size):
        super().__init__()
        self.size = [size]


class Told(layers.Layer):
    def __init__(self, size, **options):
        super().__init__(**options)
        self.size = size

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def test_a_layer_of_the_users_is_written_where_it_says_how():
    assert pasted.layer_lines([(Told(3), {"size": 4})]) == "Told(4)  # layer told"
    assert pasted.layer_lines([(layers.Dense(2, activation=lambda x: x), {})]) == ""


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0.10000000149, "0.1"),
        (1.0, "1.0"),
        (True, "True"),
        ("mse", '"mse"'),
        ((3,), "(3,)"),
        ({"a": [1, 2.5]}, '{"a": [1, 2.5]}'),
        (
            optimizers.schedules.ExponentialDecay(0.1, 10, 0.9, staircase=True),
            "keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9, staircase=True)",
        ),
        (
            keras.losses.BinaryCrossentropy(from_logits=True),
            "keras.losses.BinaryCrossentropy(from_logits=True)",
        ),
    ],
)
def test_values_are_written_short(value, code):
    assert pasted.literal(value) == code


def test_a_penalty_is_named_in_a_sentence_without_its_place():
    assert pasted.short(regularizers.L2(0.3)) == "L2(0.3)"
    assert pasted.short(lambda weights: 0.0) == "function"


def of_a_factory():
    def loss(y, p):
        return y - p

    return loss


def test_what_a_function_makes_has_no_name_outside_of_it():
    assert pasted.compiled_loss(of_a_factory()) == ("own", "own = model.loss\n")
    assert pasted.compiled_loss(of_a_factory) == ("of_a_factory", "")

    def in_a_test(y, p):
        return y - p

    assert pasted.compiled_loss(in_a_test) == ("in_a_test", "")


def test_a_cell_of_the_users_is_given_what_it_takes():
    class Cell(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = self.state_size = units

        def get_config(self):
            return {**super().get_config(), "units": self.units}

        def call(self, inputs, states):
            return inputs, states

    (line,) = pasted.layer_lines([(layers.RNN(Cell(3)), {})]).splitlines()
    assert line.startswith("keras.layers.RNN(Cell(units=3))")
