"""Other initial weights."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions import (
    starts,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from tests.training.interventions.trainings import SGD, closure, of_model, regression
from tests.zoo.problems import minimize


def test_a_start_around_zero_forgets_the_given_one(parts_during):
    make = lambda _: starts.elsewhere(1, 0.3, around_zero=True)  # noqa: E731
    w = tf.Variable([1e6, -1e6])
    _, (during,), _ = parts_during(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), make)
    assert np.abs(during["weights"]).max() < 3


def test_a_nudge_has_the_length_that_was_asked_for(parts_during):
    _, (during,), _ = parts_during(
        closure(), lambda _: starts.nudged([[0.6, 0.8]], 0.5, "saddle-point")
    )
    np.testing.assert_allclose(during["weights"][0], [1.3, 2.4], rtol=1e-6)


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
    assert starts.has_own_initialisers(model) is chosen


def test_default_initialisers_zero_the_biases_and_spread_the_kernels(parts_during):
    _, (during,), _ = parts_during(
        regression(), of_model(lambda model: starts.default_initialisers(model, 0, "dead-units"))
    )
    kernel, bias = during["weights"][:2]
    assert np.abs(bias).max() == 0
    assert 0.1 < np.std(kernel) < 0.7


def test_two_starts_at_once_follow_each_other():
    w = tf.Variable([1.0, 1.0])
    training = types.SimpleNamespace(trainable=[as_tf_variable(w)])
    step = starts.nudged([[1.0, 0.0]], 2.0, "saddle-point")
    values = step.combined(step).start(training, {})
    np.testing.assert_allclose(values[id(w)], [5.0, 1.0])


@pytest.mark.parametrize(
    ("values", "odd"),
    [
        (np.zeros((8, 16)), True),
        (np.full((8, 16), 0.3), True),
        (20 * np.random.default_rng(0).normal(size=(8, 16)), True),
        (1e-4 * np.random.default_rng(0).normal(size=(8, 16)), True),
        (0.3 * np.random.default_rng(0).normal(size=(8, 16)), False),
        (np.zeros(16), False),
        (np.full(16, -20.0), True),
        (np.array(-20.0), False),
    ],
    ids=["zeros", "alike", "huge", "tiny", "usual", "biases", "far biases", "a number"],
)
def test_variables_that_nobody_would_draw_so_are_drawn_anew(values, odd):
    variable = tf.Variable(values.astype("float32"), name="kernel")
    change = starts.drawn_variables([variable], "bad-initialisation")
    assert (change is not None) == odd
    if change is not None:
        drawn = change.start(None, {})[id(variable)]
        assert drawn.shape == values.shape
        assert 0.0 <= drawn.std() < 0.5
        assert "kernel" in change.fix


def test_two_rows_of_biases_are_no_kernel():
    bias = tf.Variable(tf.zeros((2, 12)), name="bias")
    assert starts.drawn_variables([bias], "bad-initialisation") is None


def test_a_variable_without_a_name_for_python_is_pasted_by_its_place():
    biases = [tf.Variable(tf.fill([4], -20.0), name=name) for name in ("b", "dense/bias")]
    fix = starts.drawn_variables(biases, "bad-initialisation").fix
    assert fix == "b.assign(tf.zeros(b.shape))\nvariables[1].assign(tf.zeros(variables[1].shape))"
    exec(fix, {"tf": tf, "b": biases[0], "variables": biases})  # noqa: S102 - it is to be pasted
    assert all((bias.numpy() == 0).all() for bias in biases)


def test_numbers_that_start_alike_are_begun_in_order():
    cuts, bias = tf.Variable([1.0] * 5), tf.Variable(np.arange(4.0))
    w = tf.Variable(np.ones((3, 3)))
    named = {("layer.cuts", "model.layer.cuts"): cuts, ("b", "b"): bias, ("w", "w"): w}
    change = starts.spread_out(named, 2.0, "bad-initialisation")
    started = change.start(None, {})
    np.testing.assert_allclose(started[id(cuts)], [-1, 0, 1, 2, 3])
    assert started[id(cuts)].dtype == np.float32
    assert set(started) == {id(cuts)}
    assert change.fix == "model.layer.cuts.assign_add(np.linspace(-2, 2, 5))"
    assert change.where == ("layer.cuts",)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [1.0, 1.0], 1.0, [[1.0, 1.0, 1.0]]])
def test_other_numbers_have_no_order_to_be_begun_in(values):
    assert starts.spread_out({("v", "v"): tf.Variable(values)}, 2.0, "plateau") is None


@pytest.mark.parametrize(
    ("signs", "moved", "change", "fix"),
    [
        (
            [1.0, 1.0],
            (4.0, [4.0, 5.0]),
            "w, v begun 3 higher",
            "w.assign_add(3.0)\nv.assign_add(tf.fill(v.shape, 3.0))",
        ),
        (
            [[-1.0], [1.0, -1.0]],
            (-2.0, [4.0, -1.0]),
            "w begun 3 lower, v begun [3.0, -3.0] away",
            "w.assign_add(-3.0)\nv.assign_add([3.0, -3.0])",
        ),
    ],
)
def test_numbers_are_begun_higher_or_lower_each_by_its_sign(signs, moved, change, fix):
    w, v = tf.Variable(1.0, name="w"), tf.Variable([1.0, 2.0], name="v")
    found = starts.moved([(0, w), (1, v)], 3.0, signs, "plateau")
    started = found.start(None, {})
    np.testing.assert_allclose(started[id(w)], moved[0])
    np.testing.assert_allclose(started[id(v)], moved[1])
    assert np.shape(started[id(w)]) == ()
    assert (found.change, found.fix) == (change, fix)
