"""Predictions and targets that broadcast: a column and a row, or one column and several."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.broadcasting import (
    outer_difference,
    pooled_rows,
    repeated_grades,
    repeated_target,
)
from tests.training.measures.steps import closure, flow_of, own_step
from tests.zoo.problems import fit, sequential


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


def summed(y, p):
    chosen = tf.reduce_sum(values_of(p))
    return tf.reduce_mean((chosen - y) ** 2)


def averaged(y, p):
    chosen = tf.reduce_mean(values_of(p))
    return tf.reduce_mean(tf.math.squared_difference(y, chosen))


def handed_on(y, p):
    chosen = tf.reduce_sum(values_of(p))
    return tf.reduce_mean(tf.abs(y - tf.reshape(chosen, (1,))))


def values_of(p):
    """What each of three actions is worth, by row."""
    return p * [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize("target", [(16,), (16, 1)], ids=["row", "column"])
@pytest.mark.parametrize(
    ("loss_of", "kind"), [(summed, "Sum"), (averaged, "Mean"), (handed_on, "Sum")]
)
def test_a_number_of_all_rows_that_meets_the_target_of_each_is_noticed(loss_of, kind, target):
    found = pooled_rows(flow_of(own_step(loss_of, shape=(-1, *target[1:]))))
    assert (found.kind, found.pooled, found.target, found.layer) == (kind, (16, 3), target, "")
    assert found.place == (__file__, loss_of.__code__.co_firstlineno + 1)


def test_a_number_of_all_rows_is_told_with_the_layer_that_makes_it():
    last = layers.Lambda(tf.reduce_mean, output_shape=(), name="pool")
    pool = keras.Sequential([keras.Input((3,)), last])
    found = pooled_rows(flow_of(own_step(mean(lambda y, p: (pool(values_of(p)) - y) ** 2))))
    assert (found.kind, found.pooled, found.target, found.layer) == ("Mean", (16, 3), (16,), "pool")


def one_of_several(number, p):
    return tf.concat([tf.reshape(number, (1,)), p[1:, 0]], axis=0)


@pytest.mark.parametrize(
    ("of", "rows"),
    [
        (lambda y, p: tf.reduce_sum(values_of(p), axis=1) - y, 64),
        (lambda y, p: tf.reduce_sum(p, axis=0) - y, 64),
        (lambda y, p: tf.reduce_sum(p) - 3.0, 64),
        (lambda y, p: tf.reduce_sum(p) - y[0], 64),
        (lambda y, p: tf.reduce_sum(values_of(p)) - y[:4], 64),
        (lambda y, p: p[:, 0] - tf.reduce_mean(y), 64),
        (lambda y, p: p - tf.reduce_mean(p), 64),
        (lambda y, p: tf.reduce_sum(p[:, 0]) - y, 64),
        (lambda y, p: tf.reduce_max(values_of(p)) - y, 64),
        (lambda y, p: one_of_several(tf.reduce_sum(values_of(p)), p) - y, 64),
        (lambda y, p: tf.reduce_sum(values_of(p)) - y, 1),
    ],
    ids=[
        "axis",
        "over the rows",
        "a number",
        "one target",
        "other rows",
        "mean of targets",
        "centred",
        "rank 1",
        "highest",
        "one of several",
        "one row",
    ],
)
def test_other_numbers_of_all_rows_are_meant(of, rows):
    assert pooled_rows(flow_of(own_step(mean(lambda y, p: of(y, p) ** 2), rows=rows))) is None


def test_targets_that_are_no_part_of_a_batch_are_not_those_of_rows():
    found = flow_of(closure(lambda p, y: tf.reduce_mean((tf.reduce_sum(values_of(p)) - y) ** 2)))
    assert pooled_rows(found) is None


def graded(y, outputs=4, *, loss="mse", **arguments):
    x = np.random.default_rng(0).normal(size=(len(y), 4)).astype("float32")
    model = sequential(layers.Dense(outputs), optimizer="sgd", loss=loss, shape=(4,))
    return fit(model, x, y, **arguments)


def column(*values):
    return np.tile(np.array(values, "float32"), 8)[:, None]


@pytest.mark.parametrize("highest", [3, 4])
def test_grades_that_several_outputs_are_compared_with_are_noticed(highest):
    found = repeated_grades(flow_of(graded(column(0, 1, 2, highest))))
    assert (found.predicted, found.target) == ((32, 4), (32, 1))
    assert (found.leaf, found.highest) == ("y", highest)


@pytest.mark.parametrize(
    ("y", "outputs"),
    [
        (column(0, 1, 2, 3), 1),
        (column(0, 1, 2, 9), 4),
        (column(0, 1, 2, -1), 4),
        (column(0, 1, 2, 0.5), 4),
        (column(0, 1), 4),
        (np.tile(column(0, 1, 2, 3), 4), 4),
    ],
    ids=["one output", "more grades", "below 0", "amounts", "flags", "as many columns"],
)
def test_other_targets_of_several_outputs_are_none(y, outputs):
    assert repeated_grades(flow_of(graded(y, outputs))) is None


def series(*parts, y=None, loss="mse"):
    x = np.random.default_rng(0).normal(size=(16, 5, 2)).astype("float32")
    y = x.sum(axis=(1, 2))[:, None] if y is None else y(x)
    return fit(sequential(*parts, optimizer="sgd", loss=loss, shape=(5, 2)), x, y)


def steps_of(layer=layers.SimpleRNN, **options):
    return layer(3, return_sequences=True, name="steps", **options)


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_one_target_that_every_step_is_compared_with_is_noticed(loss):
    found = repeated_target(flow_of(series(steps_of(), layers.Dense(1), loss=loss)))
    assert (found.predicted, found.target, found.layer) == ((16, 5, 1), (16, 1), "steps")


def test_without_a_recurrent_layer_no_layer_is_named():
    assert repeated_target(flow_of(series(layers.Dense(1)))).layer == ""


@pytest.mark.parametrize(
    ("parts", "y"),
    [
        ([layers.SimpleRNN(3), layers.Dense(1)], None),
        ([steps_of(), layers.Dense(1)], lambda x: x.sum(axis=2, keepdims=True)),
        ([layers.SimpleRNN(3), layers.Dense(4)], None),
        ([layers.Dense(1), layers.Reshape((5,))], None),
    ],
    ids=["last step", "a target a step", "quantiles", "reshaped by a layer"],
)
def test_outputs_of_the_rank_of_their_targets_are_not(parts, y):
    assert repeated_target(flow_of(series(*parts, y=y))) is None
