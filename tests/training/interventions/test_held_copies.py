"""Copies of a variable that a function reads in its place."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions import held_copies
from pytest_converge.training.interventions.held_copies import read_anew
from pytest_converge.training.interventions.rerun import Reruns
from tests.measured import left_alone
from tests.zoo.problems import minimize
from tests.zoo.trainings import quiet, running


def copied(copy):
    w, level = tf.Variable([1.0, -1.0]), tf.Variable(0.25)
    value = copy(level)
    other = 0.5

    def loss():
        return tf.reduce_sum((w - 2.0) ** 2) + (value - 3.0) ** 2 + other

    return minimize(loss, [w, level], optimizers.SGD(0.2))


@pytest.mark.parametrize(
    "copy",
    [tf.identity, lambda v: v.numpy(), float],
    ids=["tensor", "array", "number"],
)
def test_the_variable_is_read_in_its_place(copy):
    run = running(copied(copy), steps=40)
    assert run.run(0).curve.last > 5
    run.restart()
    with left_alone(run.training):
        change = read_anew(run.training, [1], "code")
        assert change.change == "value read in each step"
        assert change.fix.startswith("value = variables[1]  # read in each step")
        assert change.fault == "value is a copy of variables[1], made before the training"
        with Reruns(run, 0, quiet).changed(change) as again:
            assert again(0).curve.last == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("value", "start"),
    [
        (0, 0.0),
        (1.0, 1.0),
        (np.zeros(3), [0.0, 0.0, 0.0]),
        (True, 1.0),
        (np.str_("w"), 0.5),
        ([0.5], [0.5]),
    ],
)
def test_zeros_ones_and_what_is_no_number_are_no_copies(value, start):
    assert not held_copies._is_copy(value, tf.Variable(start))


def test_numbers_of_64_bits_are_copied_as_well():
    variable = tf.Variable([0.1, 0.7], dtype=tf.float64)
    assert held_copies._is_copy(variable.numpy(), variable)
    assert held_copies._is_copy(tf.identity(variable), variable)


def test_what_has_other_values_is_no_copy():
    run = running(copied(lambda v: 2 * v), steps=4)
    assert read_anew(run.training, [1], "code") is None
    assert read_anew(run.training, [0], "code") is None
    assert np.array_equal(run.training.trainable[1], 0.25)
