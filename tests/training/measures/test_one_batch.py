"""Over-fitting one batch through the loop of the run."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.one_batch import overfits_one_batch
from tests.measured import left_alone
from tests.zoo.problems import HEALTHY, fit, linear, minimize, plain_step, sequential
from tests.zoo.trainings import running


def dense(rows, batch_size, loss="mse"):
    x, y = linear(0, rows=rows)
    model = sequential(layers.Dense(1), optimizer=keras.optimizers.SGD(0.1), loss=loss)
    return fit(model, x, y, batch_size=batch_size)


def fitted(run, steps=None):
    data, order = run.training.data, run.training.data and getattr(run.training.data, "order", None)
    with left_alone(run.training):
        reading = overfits_one_batch(run, steps)
    assert run.training.data is data
    if order is not None:
        assert data.order is order
    return reading


@pytest.mark.parametrize("rows", [64, 70])
def test_one_batch_is_fitted_without_another_trace(rows):
    run = running(dense(rows, batch_size=4), steps=100)
    traces = run.loop.traces
    reading = fitted(run)
    assert run.loop.traces - traces <= 1  # the probe alone
    assert (reading.steps, reading.rows) == (100, 4)
    assert reading.final < 1e-3 * reading.initial


def test_the_initial_loss_is_that_of_the_first_batch():
    run = running(dense(64, batch_size=8), steps=20)
    run.restart()
    first = run.run(0).curve.batch_loss[0]
    run.restart()
    assert fitted(run).initial == pytest.approx(first, rel=1e-5)


def test_fewer_steps():
    reading = fitted(running(dense(64, batch_size=8), steps=50), steps=10)
    assert reading.steps == 10


def test_repeated_it_is_the_same():
    run = running(dense(64, batch_size=8), steps=20)
    assert fitted(run) == fitted(run)


def test_what_cannot_be_fitted_stays():
    run = running(dense(64, batch_size=8, loss=lambda y, p: (y - p * 0.0) ** 2), steps=20)
    reading = fitted(run)
    assert reading.final == reading.initial


@pytest.mark.parametrize("name", ["sequences_of_changing_length", "batch_norm", "tf_dataset"])
def test_models_of_the_zoo(name):
    problem = next(p for p in HEALTHY if p.name == name)
    reading = fitted(running(problem.start(0), steps=100))
    assert reading.final < 0.2 * reading.initial


def test_a_step_of_the_users():
    reading = fitted(running(plain_step(0), steps=60))
    assert reading.final < 0.5 * reading.initial


def test_a_function_has_no_batches():
    w = tf.Variable(1.0)
    run = running(minimize(lambda: w**2, [w], keras.optimizers.SGD(0.1)), steps=5)
    assert fitted(run) is None
