"""Which way the steps of a training go on its own loss."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.slope_of_steps import (
    along_the_slope,
    has_no_path,
    moves_beside,
)
from tests.zoo.problems import step
from tests.zoo.trainings import running


def descent(sign, optimizer=None, *, shown=True):
    w = tf.Variable([3.0, -4.0])

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w**2)
        gradient = sign * tape.gradient(loss, w)
        if optimizer is None:
            w.assign_sub(0.1 * gradient)
        else:
            optimizer.apply_gradients([(gradient, w)])
        return loss if shown else tf.constant(1.0)

    return step(train_step, variables=[w], optimizer=optimizer)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("by_hand", [True, False])
def test_the_sign_of_what_a_step_follows_is_seen(sign, by_hand):
    optimizer = None if by_hand else optimizers.Adam(0.1)
    run = running(descent(sign, optimizer), steps=5)
    before = run.training.snapshot()
    assert along_the_slope(run.training) == pytest.approx(sign)
    assert not before.is_left()


def test_a_loss_without_a_gradient_tells_nothing():
    assert along_the_slope(running(descent(1.0, shown=False), steps=5).training) is None


def climbing(rho):
    w = tf.Variable([3.0, -4.0])
    optimizer = optimizers.SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w**2)
        gradient = tape.gradient(loss, w)
        w.assign_add(rho * gradient)
        optimizer.apply_gradients([(gradient, w)])
        return loss

    return step(train_step, variables=[w], optimizer=optimizer)


@pytest.mark.parametrize(("rho", "moves"), [(0.1, True), (0.0, False)])
def test_what_a_step_moves_beside_its_optimizer_is_seen(rho, moves):
    run = running(climbing(rho), steps=5)
    before = run.training.snapshot()
    assert moves_beside(run.training) is moves
    assert not before.is_left()


@pytest.mark.parametrize("copied", [True, False])
def test_a_loss_of_copies_has_no_path_to_the_variables(copied):
    w, copy = tf.Variable([3.0, -4.0]), tf.Variable([0.0, 0.0])
    optimizer = optimizers.SGD(0.1)

    def train_step():
        copy.assign(w)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((copy if copied else w) ** 2)
        gradient = tape.gradient(loss, w, unconnected_gradients="zero")
        optimizer.apply_gradients([(gradient, w)])
        return loss

    run = running(step(train_step, variables=[w], optimizer=optimizer), steps=5)
    assert has_no_path(run.training) is copied
