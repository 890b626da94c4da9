"""Totals of gradients that are set back after each update."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions.cleared import cleared
from tests.zoo.problems import step
from tests.zoo.trainings import training_of


def adding(optimizer):
    """A step that adds the gradient 2 to a total, and updates by it where the total is 4."""
    w, total = tf.Variable(1.0), tf.Variable(0.0, name="total")

    def update():
        optimizer.apply_gradients([(tf.identity(total), w)])

    def train_step():
        with tf.GradientTape() as tape:
            loss = 2.0 * w
        total.assign_add(tape.gradient(loss, w))
        tf.cond(total >= 4.0, update, lambda: None)
        return loss

    return w, total, step(train_step, variables=[w], optimizer=optimizer)


def moves(training, w, total):
    w.assign(1.0)
    total.assign(0.0)
    values = [float(w.numpy()) for _ in range(4) if training.step(None) is not None]
    return np.diff([1.0, *values])


def test_a_total_is_cleared_after_an_update_and_not_before():
    for make in (optimizers.SGD, tf.compat.v1.train.GradientDescentOptimizer):
        w, total, start = adding(make(0.1))
        training = training_of(start)
        change = cleared(training, [total])
        np.testing.assert_allclose(moves(training, w, total), [0, -0.4, -0.6, -0.8], rtol=1e-5)
        total.assign(0.0)
        with change.variant(training):
            np.testing.assert_allclose(moves(training, w, total), [0, -0.4, 0, -0.4], rtol=1e-5)
        np.testing.assert_allclose(moves(training, w, total), [0, -0.4, -0.6, -0.8], rtol=1e-5)
        assert change.fix == "total.assign(tf.zeros_like(total))  # after each update"


def test_several_without_a_name_are_called_totals():
    several = [tf.Variable(0.0, name=f"of/{n}") for n in range(2)]
    _, _, start = adding(optimizers.SGD(0.1))
    change = cleared(training_of(start), several)
    assert change.where == ("of/0", "of/1")
    line = "gradient_sum.assign(tf.zeros_like(gradient_sum))"  # the step has a total of its own
    assert change.fix == f"{line}  # after each update, for each gradient_sum"


def adding_in_a_list():
    """The sums, and a step that adds up in them what it updates two weights by."""
    weights = [tf.Variable(1.0), tf.Variable(2.0)]
    sums = [tf.Variable(0.0) for _ in weights]
    optimizer = optimizers.SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = weights[0] * weights[1]
        for each, gradient in zip(sums, tape.gradient(loss, weights), strict=True):
            each.assign_add(gradient)
        optimizer.apply(sums, weights)
        return loss

    return sums, training_of(step(train_step, variables=weights, optimizer=optimizer))


def test_several_go_by_the_name_of_the_list_that_holds_them():
    sums, training = adding_in_a_list()
    change = cleared(training, sums)
    assert change.fix == (
        "for total in sums: total.assign(tf.zeros_like(total))  # after each update"
    )
    assert change.where == ("sums",)


def test_those_that_nobody_named_and_no_list_holds_are_the_sums_of_gradients():
    sums, training = adding_in_a_list()
    change = cleared(training, [*sums, tf.Variable(0.0)])
    assert change.where == ("the sums of gradients",)
    assert change.fix == "total.assign(tf.zeros_like(total))  # after each update, for each total"


def test_next_to_one_that_has_a_name_they_go_by_that_of_tensorflow():
    sums, training = adding_in_a_list()
    mine = tf.Variable(0.0, name="mine")
    assert cleared(training, [*sums, mine]).where == ("Variable", "mine")
