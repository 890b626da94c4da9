"""A column less a row of as many values: noticed in closures, without running them."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.broadcasting import outer_difference
from tests.measured import left_alone
from tests.zoo.problems import compiled_step, linear, minimize
from tests.zoo.trainings import training_of


def closure(targets_of, *, squared=lambda p, y: (p - y) ** 2, rows=12):
    x, y = linear(0, rows=rows)
    targets, w = tf.constant(targets_of(y)), tf.Variable(tf.zeros((4, 1)))
    return minimize(lambda: tf.reduce_mean(squared(x @ w, targets)), [w], optimizers.SGD(0.1))


@pytest.mark.parametrize(
    "squared",
    [
        lambda p, y: (p - y) ** 2,
        lambda p, y: (y - p) ** 2,
        tf.math.squared_difference,
    ],
    ids=["less targets", "less predictions", "squared difference"],
)
def test_a_column_less_a_row_is_noticed(squared):
    training = training_of(closure(lambda y: y[:, 0], squared=squared))
    with left_alone(training):
        assert sorted(outer_difference(training), key=len) == [(12,), (12, 1)]


@pytest.mark.parametrize(
    ("targets_of", "rows"),
    [
        (lambda y: y, 12),
        (lambda y: y[0], 12),
        (lambda y: y[:, 0], 1),
        (lambda y: y[0, 0], 12),
    ],
    ids=["columns", "one value", "one row", "a number"],
)
def test_shapes_that_belong_together_are_not(targets_of, rows):
    assert outer_difference(training_of(closure(targets_of, rows=rows))) is None


def test_only_a_closure_over_its_data_has_shapes_to_look_at():
    assert outer_difference(training_of(compiled_step(0))) is None
