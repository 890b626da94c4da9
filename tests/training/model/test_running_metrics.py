"""Logs over an epoch beside the loss of each batch; against Keras in `loop/test_callbacks.py`."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.model.running_metrics import RunningMetrics, flat_logs
from tests.zoo.problems import linear, sequential


def model():
    optimizer = optimizers.SGD(0.0)
    return sequential(layers.Dense(1), optimizer=optimizer, loss="mse", shape=(4,), metrics=["mae"])


def test_a_step_tells_the_loss_of_its_batch_and_the_logs_run_on():
    x, y = linear(0, rows=40)
    trained, running, losses = model(), RunningMetrics(), []
    trained.train_on_batch(x, y)
    trained.reset_metrics()
    for part in (slice(0, 10), slice(10, 40)):
        batch = (tf.constant(x[part]), tf.constant(y[part]))
        with running.of_batch(trained) as keep:
            logs = trained.train_step(batch)
            keep(logs)
        losses.append(float(logs["loss"]))
    logs = running.epoch_logs(trained)
    expected = trained.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(np.average(losses, weights=[10, 30]), expected["loss"], rtol=1e-5)
    assert set(logs) == set(expected) == set(running.batch_logs(trained))
    for name, value in expected.items():
        np.testing.assert_allclose(float(logs[name]), value, rtol=1e-5)


def test_an_entry_that_is_no_metric_is_that_of_the_latest_step():
    running, trained = RunningMetrics(), model()
    trained.compute_metrics(*[tf.zeros((1, 1))] * 3, sample_weight=None)
    for number in (1.0, 2.0):
        with running.of_batch(trained) as keep:
            keep({"loss": tf.constant(number), "more": {"norm": tf.constant(number)}})
    found = {name: float(value) for name, value in running.batch_logs(trained).items()}
    assert found == {"loss": 2.0, "norm": 2.0}


def test_a_step_may_return_the_loss_alone():
    running, trained = RunningMetrics(), model()
    with running.of_batch(trained) as keep:
        keep(tf.constant(3.0))
    assert {name: float(v) for name, v in running.batch_logs(trained).items()} == {"loss": 3.0}


def test_methods_of_the_metrics_are_put_back():
    metric = keras.metrics.Mean(name="loss")
    trained = model()
    trained.custom = metric
    with RunningMetrics().of_batch(trained) as keep:
        keep({"loss": metric.result()})
    assert "result" not in vars(metric)


def test_logs_are_flat_and_in_the_order_of_keras():
    assert list(flat_logs({"b": 1, "a": {"d": 2, "c": 3}})) == ["c", "d", "b"]
