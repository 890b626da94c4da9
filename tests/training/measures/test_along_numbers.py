"""The lowest point of a loss along single numbers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.along_numbers import lowest_along_a_number
from tests.measured import left_alone
from tests.zoo.problems import fit, linear, minimize, sequential
from tests.zoo.trainings import running


def lowest(loss, *variables):
    run = running(minimize(loss, list(variables), optimizers.SGD(0.01)), steps=5)
    with left_alone(run.training):
        return lowest_along_a_number(run.loop)


def test_the_lowest_point_of_all_lines_is_found():
    v, w = tf.Variable([1.0, -2.0]), tf.Variable(0.0)
    # Along w the least is 10 + 1, along v[0] 10 + 9 + 4, along v[1] 0 + 9 + 4 - 4.
    found = lowest(lambda: (v[0] + 2) ** 2 + 10 * tf.abs(v[1] - 3) / 5 + (w - 3) ** 2, v, w)
    assert (found.place, found.index) == (0, 1)
    assert found.value == pytest.approx(3.0, abs=0.25)
    assert found.away == pytest.approx(found.value + 2.0)
    assert found.loss == pytest.approx(18.0, abs=0.5)


def test_losses_that_are_not_finite_are_no_points():
    w = tf.Variable(1.0)
    found = lowest(lambda: tf.math.log(w), w)
    assert 0 < found.value < 0.2
    assert np.isfinite(found.loss)


def test_of_many_numbers_or_of_data_nothing_is_said():
    many = tf.Variable(tf.zeros(4))
    assert lowest(lambda: tf.reduce_sum(many**2), many) is None
    model = sequential(layers.Dense(1), optimizer="sgd", loss="mse", shape=(4,))
    assert lowest_along_a_number(running(fit(model, *linear(0)), steps=2).loop) is None
