"""Weights drawn as Keras draws them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions import initialisers
from tests.training.interventions.trainings import of_model, regression


@pytest.mark.parametrize(
    ("layer", "chosen"),
    [
        (layers.SimpleRNN(3, recurrent_initializer="zeros"), True),
        (layers.SimpleRNN(3, kernel_initializer="zeros"), True),
        (layers.SeparableConv1D(3, 2, depthwise_initializer="zeros"), True),
        (layers.SeparableConv1D(3, 2), False),
        (layers.GRU(3), False),
    ],
)
def test_initialisers_that_somebody_chose_are_told(layer, chosen):
    model = keras.Sequential([keras.Input((5, 2)), layer])
    assert initialisers.has_own_initialisers(model) is chosen


def test_default_initialisers_zero_the_biases_and_spread_the_kernels(parts_during):
    _, (during,), _ = parts_during(
        regression(),
        of_model(lambda model: initialisers.default_initialisers(model, 0, "dead-units")),
    )
    kernel, bias = during["weights"][:2]
    assert np.abs(bias).max() == 0
    assert 0.1 < np.std(kernel) < 0.7


@pytest.mark.parametrize(
    ("values", "odd"),
    [
        (np.zeros((8, 16)), True),
        (np.full((8, 16), 0.3), True),
        (20 * np.random.default_rng(0).normal(size=(8, 16)), True),
        (1e-4 * np.random.default_rng(0).normal(size=(8, 16)), True),
        (0.3 * np.random.default_rng(0).normal(size=(8, 16)), False),
        (np.random.default_rng(0).uniform(size=(8, 16)), True),
        (0.6 + 0.4 * np.random.default_rng(0).normal(size=(2, 4)), False),
        (np.zeros(16), False),
        (np.full(16, -20.0), True),
        (np.array(-20.0), False),
        (np.full((1, 1), -0.6), False),
    ],
    ids=[
        "zeros",
        "alike",
        "huge",
        "tiny",
        "usual",
        "positive",
        "few positive",
        "biases",
        "far biases",
        "a number",
        "one weight",
    ],
)
def test_variables_that_nobody_would_draw_so_are_drawn_anew(values, odd):
    variable = tf.Variable(values.astype("float32"), name="kernel")
    change = initialisers.drawn_variables([variable], "bad-initialisation")
    assert (change is not None) == odd
    if change is not None:
        drawn = change.start(None, {})[id(variable)]
        assert drawn.shape == values.shape
        assert 0.0 <= drawn.std() < 0.5
        assert "kernel" in change.fix


def test_two_rows_of_biases_are_no_kernel():
    bias = tf.Variable(tf.zeros((2, 12)), name="bias")
    assert initialisers.drawn_variables([bias], "bad-initialisation") is None


def test_a_variable_without_a_name_for_python_is_pasted_by_its_place():
    biases = [tf.Variable(tf.fill([4], -20.0), name=name) for name in ("b", "dense/bias")]
    fix = initialisers.drawn_variables(biases, "bad-initialisation").fix
    assert fix == "b.assign(tf.zeros(b.shape))\nvariables[1].assign(tf.zeros(variables[1].shape))"
    exec(fix, {"tf": tf, "b": biases[0], "variables": biases})  # noqa: S102 - it is to be pasted
    assert all((bias.numpy() == 0).all() for bias in biases)
