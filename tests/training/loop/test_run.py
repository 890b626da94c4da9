"""A run is a function of its arguments: start, data, learning rate, watch and number of steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.zoo.problems import fit, step
from tests.zoo.trainings import failing, judged, running

STEPS = 20


@pytest.fixture
def run():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype("float32")

    def build():
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        model.compile(optimizers.SGD(0.05), "mse")
        return model

    made = running(fit(build, x, x.sum(axis=1, keepdims=True), batch_size=8), steps=STEPS)
    yield made
    made.training.release()


def losses(record):
    return record.curve.batch_loss


def test_the_same_arguments_give_the_same_losses_to_the_last_digit(run):
    first = losses(run.run(0))
    assert losses(run.run(0, start={})) == first
    assert losses(run.run(0, start={}, data=run.training.data, rate_factor=1.0)) == first


def test_what_a_run_is_given_is_taken_back(run):
    first = losses(run.run(0))
    data = run.training.data
    kernel = run.training.trainable[0]
    other = {id(kernel): np.full((3, 1), 5.0, "float32")}
    traces = run.loop.traces
    changed = [
        losses(run.run(0, start=other)),
        losses(run.run(0, start={}, data=data.reshuffled(3))),
        losses(run.run(0, start={}, rate_factor=0.1)),
    ]
    assert len({first, *changed}) == 4
    assert run.training.data is data
    assert losses(run.run(0, start={})) == first
    assert run.loop.traces == traces


def test_data_and_rate_are_put_back_after_an_error(run):
    data = run.training.data

    def broken(_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.run(0, start={}, data=data.reshuffled(3), rate_factor=0.1, watch=broken)
    assert run.training.data is data
    assert float(run.training.optimizers[0].learning_rate()) == pytest.approx(0.05)


def test_a_run_can_be_broken_off(run):
    record = run.run(0, watch=lambda course: course[-1][0] >= 5)
    assert 5 <= record.curve.updates < STEPS


def test_another_number_of_steps_begins_alike_through_the_same_traces(run):
    first, traces = losses(run.run(0)), run.loop.traces
    longer = run.of_length(2 * STEPS)
    data = run.training.data.prolonged(2 * STEPS)
    found = losses(longer.run(0, start={}, data=data))
    assert len(found) == 2 * STEPS
    assert found[:STEPS] == first
    assert run.loop.traces == traces


def test_a_loss_that_only_the_probe_set_meets_is_seen():
    x = np.ones((40, 3), "float32")
    y = np.where(np.arange(40) < 30, 1.0, -1.0).astype("float32")[:, None]

    def undefined_below_zero(y_true, y_pred):
        return (tf.sqrt(y_true) - y_pred) ** 2  # NaN for the rows that no batch reaches

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.01), undefined_below_zero)
    start = fit(model, x, y, batch_size=3, shuffle=False)
    result = judged(start, steps=10, monotone="off", min_decrease=0.0)
    assert failing(result) == {"nonfinite-loss"}
    assert result.runs[0].record.nonfinite[0].name == "nan on the probe set"
    assert result.findings[0].message == "the loss was nan on the probe set before the first step"


def test_steps_before_the_first_update_have_no_gradient_that_is_not_finite():
    w, total, calls = tf.Variable(3.0), tf.Variable(0.0), tf.Variable(0)
    optimizer = optimizers.SGD(0.1)

    def accumulate():
        with tf.GradientTape() as tape:
            loss = w**2
        total.assign_add(tape.gradient(loss, w))
        calls.assign_add(1)
        if float(calls) % 3 == 0:  # read outside of any graph
            optimizer.apply_gradients([(total, w)])
        return loss

    curve = running(step(accumulate, variables=[w], optimizer=optimizer), steps=6).run(0).curve
    assert curve.gradient_norm[:3] == (0.0, 0.0, pytest.approx(18.0))
    assert curve.learning_rate[:3] == pytest.approx((0.1, 0.1, 0.1))
