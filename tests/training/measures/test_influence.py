"""Rows of a batch that have no influence on its loss."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.influence import idle_rows
from tests.measured import left_alone
from tests.training.measures.steps import own_step, regression
from tests.zoo.problems import minimize
from tests.zoo.trainings import running


def of(reduced):
    """A loss of some squared errors."""
    return lambda y, p: reduced((tf.reshape(y, (-1, 1)) - p) ** 2)


IDLE = {
    "first row": (of(lambda e: e[0, 0]), (9, 32)),
    "last row": (of(lambda e: e[-1, 0]), (1, 24)),
    "first half": (of(lambda e: tf.reduce_mean(e[:16])), (17, 32)),
    "weighted": (of(lambda e: tf.reduce_mean(e[8:24])), (1, 8)),
}


@pytest.mark.parametrize(("loss", "ends"), IDLE.values(), ids=IDLE)
def test_rows_that_the_loss_leaves_out_are_found(loss, ends):
    run = running(regression(loss=loss))
    with left_alone(run.training):
        found = idle_rows(run.loop)
    assert (found.first, found.last, found.rows) == (*ends, 32)


def test_rows_that_a_step_learns_nothing_from_are_found_behind_another_loss():
    run = running(own_step(of(lambda e: e[0, 0]), returned=of(tf.reduce_mean)))
    with left_alone(run.training):
        found = idle_rows(run.loop)
    assert (found.first, found.last, found.rows, found.learnt) == (5, 16, 16, True)


@pytest.mark.parametrize(
    "start",
    [
        regression(),
        regression(layers.BatchNormalization(), layers.Dense(1)),
        regression(layers.Dropout(0.5), layers.Dense(1)),
        regression(loss=of(lambda e: tf.reduce_sum(0.0 * e))),
        own_step(of(tf.reduce_mean)),
        regression(rows=4),
    ],
    ids=["mean", "batch statistics", "dropout", "none at all", "step", "few rows"],
)
def test_rows_that_it_takes_are_not(start):
    assert idle_rows(running(start).loop) is None


def test_a_closure_has_no_rows():
    w = tf.Variable(1.0)
    assert idle_rows(running(minimize(lambda: w**2, [w], optimizers.SGD(0.1))).loop) is None
