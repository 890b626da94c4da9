"""The step gauge against closed forms."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.measures.slope_ratio import step_gauge
from tests.measured import left_alone
from tests.zoo.problems import HEALTHY, fit, frozen_head_of_zeros, linear, minimize, sequential
from tests.zoo.problems import step as step_problem
from tests.zoo.trainings import running


def gauged(run, **options):
    with left_alone(run.training):
        return step_gauge(run.training, run.start, run.steps, **options)


def parabola(optimizer, curvature=4.0):
    w = tf.Variable(3.0)
    return minimize(lambda: 0.5 * curvature * w**2, [w], optimizer)


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.25, 0.4, 0.6])
def test_descent_on_a_quadratic(rate):
    reading = gauged(running(parabola(keras.optimizers.SGD(rate)), steps=60))
    assert reading.steps == (1, 2, 3, 4, 5, 6) or rate == 0.25  # then it stands at the minimum
    assert reading.rhos[0] == pytest.approx(1 - 4 * rate, abs=1e-5)
    assert reading.median == pytest.approx(1 - 4 * rate, abs=1e-4)
    assert reading.finite


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tf.compat.v1.train.GradientDescentOptimizer(0.1),
        lambda: keras.optimizers.SGD(0.05, clipvalue=5.0),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0),
        lambda: keras.optimizers.Adam(1.2),
    ],
    ids=["compat", "clipped", "scaled", "adam"],
)
def test_first_step_of_any_optimizer(optimizer):
    """On a quadratic from w to w + d, rho = (w + d) / w."""
    run = running(parabola(optimizer()), steps=10)
    run.restart()
    run.loop.start()
    run.loop.advance(0, 1)
    after = float(run.training.trainable[0])
    run.restart()
    assert gauged(run).rhos[0] == pytest.approx(after / 3.0, abs=1e-5)


def test_at_most_twelve_steps_of_the_first_tenth():
    reading = gauged(running(parabola(keras.optimizers.SGD(0.01)), steps=1000))
    assert len(reading.steps) == 12
    assert (reading.steps[0], reading.steps[-1]) == (1, 100)
    np.testing.assert_allclose(reading.rhos, 0.96, atol=1e-4)


def test_a_step_too_far_is_told_from_one_too_short():
    x, y = linear(0, rows=64)

    def at(rate):
        optimizer = keras.optimizers.SGD(rate)
        model = sequential(keras.layers.Dense(1), optimizer=optimizer, loss="mse")
        return gauged(running(fit(model, x, y, batch_size=64), steps=40)).median

    assert at(1e-4) > 0.99
    assert at(3.0) < -1.0


def test_a_run_that_blows_up():
    w = tf.Variable(3.0)
    run = running(minimize(lambda: w**4, [w], keras.optimizers.SGD(10.0)), steps=100)
    reading = gauged(run)
    assert not reading.finite
    assert reading.rhos[0] < -1


def test_the_given_loop_and_a_new_one_agree():
    problem = next(p for p in HEALTHY if p.name == "dropout_half")
    run = running(problem.start(0), steps=40)
    traces = run.loop.traces
    shared = gauged(run, loop=run.loop)
    assert run.loop.traces == traces
    assert gauged(run) == shared
    assert 0 < shared.median < 1.1


def test_dropout_draws_the_same_mask_before_and_after():
    """A step of no length: the gradient at its end is the one at its start."""
    x, y = linear(0, rows=64)
    parts = keras.layers.Dropout(0.5), keras.layers.Dense(1)
    model = sequential(*parts, optimizer=keras.optimizers.SGD(1e-6), loss="mse")
    reading = gauged(running(fit(model, x, y), steps=100))
    np.testing.assert_allclose(reading.rhos, 1.0, atol=1e-3)


def test_a_custom_step():
    w = tf.Variable(3.0)
    optimizer = keras.optimizers.SGD(0.1)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = 0.5 * tf.reduce_mean(x) * w**2
        if loss > 0.0:
            optimizer.apply(tape.gradient(loss, [w]), [w])
        return loss

    data = [(np.full((4, 1), 4.0, "float32"),)]
    run = running(step_problem(step, variables=[w], optimizer=optimizer, data=data), steps=20)
    np.testing.assert_allclose(gauged(run).rhos, 0.6, atol=1e-5)


def test_steps_that_move_nothing_are_left_out():
    reading = gauged(running(frozen_head_of_zeros(0), steps=20))
    assert (reading.steps, reading.rhos, reading.median) == ((), (), None)


def test_an_unknown_optimizer_cannot_be_gauged():
    w = tf.Variable(3.0)

    def step():
        w.assign(w * 0.9)
        return w**2

    assert gauged(running(step_problem(step, variables=[w]), steps=5)) is None
