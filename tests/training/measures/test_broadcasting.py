"""Predictions and targets of a column and a row, which broadcast to a matrix of all pairs."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.training.measures.broadcasting import outer_difference
from tests.training.measures.steps import closure, flow_of, own_step


def mean(of):
    return lambda y, p: tf.reduce_mean(of(y, p))


COMPARISONS = {
    "less targets": mean(lambda y, p: (p - y) ** 2),
    "less predictions": mean(lambda y, p: (y - p) ** 2),
    "squared difference": mean(tf.math.squared_difference),
    "twice": mean(lambda y, p: (p - 2.0 * y) ** 2),
    "product": mean(lambda y, p: -y * tf.math.log_sigmoid(p)),
}


@pytest.mark.parametrize("loss_of", COMPARISONS.values(), ids=COMPARISONS)
def test_a_column_and_a_row_are_noticed_in_a_step(loss_of):
    found = outer_difference(flow_of(own_step(loss_of)))
    assert (found.predicted, found.target, found.leaf) == ((16, 1), (16,), "y")


def test_targets_made_in_the_step_are_no_array_of_the_batch():
    found = outer_difference(
        flow_of(own_step(mean(lambda y, p: (p - tf.reduce_sum([y, y], 0)) ** 2)))
    )
    assert (found.target, found.leaf) == ((16,), "")


def test_a_column_and_a_row_are_noticed_in_a_closure():
    found = outer_difference(flow_of(closure(lambda p, y: tf.reduce_mean((p - y[:, 0]) ** 2))))
    assert (found.predicted, found.target, found.leaf) == ((12, 1), (12,), "")


@pytest.mark.parametrize(
    ("loss_of", "rows"),
    [
        (lambda p, y: tf.reduce_mean((p - y) ** 2), 12),
        (lambda p, y: tf.reduce_mean((p - y[0]) ** 2), 12),
        (lambda p, y: tf.reduce_mean((p - y[:, 0]) ** 2), 1),
        (lambda p, y: tf.reduce_mean((p - y[0, 0]) ** 2), 12),
        (lambda p, y: tf.reduce_mean(tf.abs(p - p[:, 0] - y + y[:, 0])), 12),
        (lambda p, y: tf.reduce_mean((p[:, 0] - y[:, 0]) ** 2), 12),
    ],
    ids=["columns", "one value", "one row", "a number", "pairs of one kind", "rows"],
)
def test_shapes_that_belong_together_are_not(loss_of, rows):
    found = outer_difference(flow_of(closure(loss_of, rows=rows)))
    assert found is None
