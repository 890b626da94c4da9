"""Copies of a variable that a function reads in its place."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

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


def test_what_has_other_values_is_no_copy():
    run = running(copied(lambda v: 2 * v), steps=4)
    assert read_anew(run.training, [1], "code") is None
    assert read_anew(run.training, [0], "code") is None
    assert np.array_equal(run.training.trainable[1], 0.25)
