"""The first step of a training, as it is or with something changed."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.first_step import FirstStep, first_step
from pytest_converge.training.state.rewritten import NoCodeError
from tests.measured import left_alone
from tests.zoo.problems import step
from tests.zoo.trainings import running, training_of

X = np.arange(12, dtype="float32").reshape(4, 3)


def training(rate=0.1, *, fails=False):
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def update(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.linalg.matvec(x, w))
        w.assign_sub(rate * tape.gradient(loss, w))
        if fails:
            raise TypeError("no more")
        return loss

    return training_of(step(update, variables=[w], data=(X,)))


def test_the_loss_and_the_updates_of_one_step():
    run = training()
    with left_alone(run):
        found = first_step(run)
    assert found.loss == pytest.approx(float((X @ [1, 2, 3]).mean()))
    (start,), (end,) = found.start, found.end
    np.testing.assert_allclose(start - end, 0.1 * X.mean(axis=0), rtol=1e-5)


def test_steps_are_compared():
    one, three, none = (first_step(training(rate)) for rate in (0.1, 0.3, 0.0))
    assert three.same_loss(one)
    assert not three.same_end(one)
    assert one.same_end(one)
    assert three.is_times(3.0, one)
    assert not three.is_times(2.0, one)
    assert not none.is_times(0.0, one)  # of nothing no factor is known
    assert one.moves_all_of(none)
    assert not none.moves_all_of(one)


def test_a_step_that_fails_is_none():
    assert first_step(training(fails=True)) is None


def test_what_is_no_code_is_none():
    @contextlib.contextmanager
    def refused():
        raise NoCodeError("no code")
        yield

    assert first_step(training(), refused) is None


def test_a_loss_that_is_not_finite_is_none():
    w = tf.Variable([0.0])

    def update(x):
        w.assign_sub([0.1])
        return tf.reduce_mean(x) / w[0] * 0.0 + tf.math.log(-1.0)

    assert first_step(training_of(step(update, variables=[w], data=(X,)))) is None


def test_an_error_of_our_own_is_raised(monkeypatch):
    monkeypatch.setattr("pytest_converge.training.measures.first_step.is_ours", lambda _: True)
    with pytest.raises(TypeError, match="no more"):
        first_step(training(fails=True))


def test_rounding_is_no_difference():
    start = (np.array([1.0, 1.0], "float32"),)
    one = FirstStep(1.0, start, (start[0] - np.float32(1e-4),))
    other = FirstStep(1.0, start, (start[0] - np.float32(1e-2),))
    assert other.is_times(100.0, one)


def noisy(compiled):
    w = tf.Variable([1.0, 2.0])
    optimizer = optimizers.SGD(0.1)

    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((w - tf.random.normal((2,))) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    function = tf.function(update) if compiled else update
    return step(function, variables=[w], optimizer=optimizer)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_drawn_is_the_same_in_every_look(compiled):
    run = running(noisy(compiled), steps=3)
    with left_alone(run.training):
        one, other = first_step(run.training), first_step(run.training)
    assert one.same_loss(other)
    assert one.same_end(other)
    assert not one.same_end(first_step(run.training, lambda: run.training.with_rate_factor(2.0)))


def test_the_numbers_that_the_user_draws_next_stay_what_they_were():
    run = running(noisy(False), steps=3)
    tf.random.set_seed(5)
    expected = tf.random.normal((3,)).numpy()
    tf.random.set_seed(5)
    first_step(run.training)
    assert tf.random.normal((3,)).numpy() == pytest.approx(expected)
