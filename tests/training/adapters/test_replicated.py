"""Models of `tf.distribute` strategies: on two devices, and in two processes.

Both have to be set up before TensorFlow starts, so that they run in sessions of their own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.replicated import check_strategy

TWO_DEVICES = """
import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
"""
MODELS = """
import keras, numpy as np, pytest, tensorflow as tf
from keras import layers
from pytest_converge import ConvergenceError

rng = np.random.default_rng(0)
x = rng.normal(size=(70, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)

def sequential(*more, rate=0.01, optimizer=keras.optimizers.Adam, units=8, **compiled):
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(units, "relu"), *more, layers.Dense(1, dtype="float32")]
    )
    model.compile(optimizer(rate), "mse", **{"metrics": ["mae"], **compiled})
    return model

class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = layers.Dense(8, "relu"), layers.Dense(1)
        self.seen = keras.metrics.Mean("seen")

    @property
    def metrics(self):
        return [self.seen]

    def call(self, x):
        return self.outer(self.inner(x))

    def train_step(self, batch):
        x, y = batch[:2]
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.seen.update_state(loss)
        return {"loss": self.seen.result()}

def own():
    model = Own()
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model

def scaled(rate):
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate))

def scheduled(rate):
    rate = keras.optimizers.schedules.CosineDecay(rate, 20)
    return keras.optimizers.SGD(rate, clipnorm=1.0, use_ema=True)

def closeness(result, losses):
    got = np.array(result.curve.batch_loss)
    return float(np.max(np.abs(got - losses) / np.abs(losses)))
"""
ON_TWO_DEVICES = """
from models import *

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def under(make):
    def build():
        with strategy.scope():
            return make()
    return build

KINDS = {
    "dense": sequential,
    "batch normalisation, dropout, a penalty": lambda: sequential(
        layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(4, kernel_regularizer="l2")
    ),
    "a schedule, clipped, averaged": lambda: sequential(optimizer=scheduled),
    "a step of its own": own,
    "a scaled loss": lambda: sequential(optimizer=scaled),
}

class Losses(keras.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs):
        self.seen.append(logs["loss"])
        self.model.reset_metrics()  # else it is the mean of the epoch so far

def by_keras(build, seed):
    # `fit` hands the rows to the replicas; `train_on_batch` gives each of them all.
    keras.utils.set_random_seed(seed)
    model, losses = build(), Losses()
    model.fit(x, y, batch_size=32, epochs=4, shuffle=False, verbose=0, callbacks=[losses])
    return losses.seen[:10]

@pytest.mark.converges(steps=10, min_decrease=0, monotone="off", seed=1)
@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_is_that_of_keras(converge, kind):
    build = under(KINDS[kind])
    result = converge.fit(build, x, y, shuffle=False, seeds=2)
    assert result.runs[0].record.driver == "loop"
    assert result.environment["strategy"] == "MirroredStrategy"
    assert result.environment["replicas"] == 2
    losses = by_keras(build, 1)
    assert closeness(result, losses) < 1e-5
    assert result.runs[0].record.curve != result.runs[1].record.curve
    assert min(result.curve.gradient_norm) > 0

@pytest.mark.converges(steps=10, min_decrease=0, monotone="off", seed=1)
def test_datasets_and_steps_outside_of_a_graph(converge):
    losses = by_keras(under(sequential), 1)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    assert closeness(converge.fit(under(sequential), data), losses) < 1e-5
    eager = under(lambda: sequential(run_eagerly=True))
    result = converge.fit(eager, x, y, shuffle=False)
    assert result.runs[0].record.driver == "eager"
    assert closeness(result, losses) < 1e-5

def test_a_model_is_left_as_keras_leaves_it(converge):
    model = under(sequential)()
    start = model.get_weights()
    converge.fit(model, x, y, shuffle=False, steps=9, min_decrease=0, validation_data=(x, y))
    other = under(sequential)()
    other.set_weights(start)
    other.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    for mine, theirs in zip(model.variables, other.variables):
        for copy in mine._value.values:
            np.testing.assert_allclose(copy, theirs.numpy(), rtol=1e-5, atol=1e-6)
    assert int(model.optimizer.iterations.numpy()) == 9
    model.fit(x, y, verbose=0)

def test_one_device_is_a_strategy_too(converge):
    one = tf.distribute.OneDeviceStrategy("CPU:1")
    def build():
        with one.scope():
            return sequential()
    plain = converge.fit(sequential, x, y, steps=10, min_decrease=0, seed=1)
    there = converge.fit(build, x, y, steps=10, min_decrease=0, seed=1)
    assert closeness(there, plain.curve.batch_loss) < 1e-5

FAULTS = {
    "learning-rate-too-low": lambda: sequential(rate=1e-4, optimizer=keras.optimizers.SGD),
    "learning-rate-too-high": lambda: sequential(rate=1.5, optimizer=keras.optimizers.SGD),
    "too-small-capacity": lambda: sequential(rate=0.05, units=1),
}

@pytest.mark.converges(max_loss=0.2, steps=60)
@pytest.mark.parametrize("cause", FAULTS)
def test_the_diagnosis_trains_under_the_strategy(converge, cause):
    target = np.abs(y) if cause == "too-small-capacity" else y
    with pytest.raises(ConvergenceError) as failed:
        converge.fit(under(FAULTS[cause]), x, target)
    diagnosis = failed.value.result.diagnosis
    assert (diagnosis.cause, diagnosis.proven, diagnosis.excluded) == (cause, True, ())

def test_what_a_failed_diagnosis_leaves_is_the_failed_run(converge):
    model = under(lambda: sequential(rate=1e-4, optimizer=keras.optimizers.SGD))()
    with pytest.raises(ConvergenceError) as failed:
        converge.fit(model, x, y, max_loss=0.2, steps=20)
    assert int(model.optimizer.iterations.numpy()) == 20
    assert model.optimizer.learning_rate.numpy() == pytest.approx(1e-4)
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(failed.value.result.curve.inference_loss, rel=1e-4)

def test_a_step_by_hand_runs_under_its_strategy(converge):
    def program():
        keras.utils.set_random_seed(1)
        with strategy.scope():
            model, optimizer = sequential(), keras.optimizers.SGD(0.05)
            optimizer.build(model.trainable_variables)

        @tf.function
        def step(*batch):
            def of_replica(x, y):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
                    share = loss / 2
                gradients = tape.gradient(share, model.trainable_variables)
                optimizer.apply(gradients, model.trainable_variables)
                return loss
            return strategy.reduce("MEAN", strategy.run(of_replica, args=batch), axis=None)
        return step, model.trainable_variables

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    step, _ = program()
    losses = [float(step(*batch)) for batch in data.repeat(4).take(10)]
    step, variables = program()
    result = converge.step(step, variables=variables, data=data, steps=10, min_decrease=0)
    assert closeness(result, losses) < 1e-5
    assert result.environment["replicas"] == 2

def test_variables_are_minimized_under_their_strategy(converge):
    def build():
        with strategy.scope():
            w, optimizer = tf.Variable(3.0), keras.optimizers.SGD(0.1)
        return lambda: (w - 1) ** 2, [w], optimizer
    result = converge.minimize(build, steps=20, max_loss=0.1)
    assert result.curve.batch_loss[:3] == pytest.approx([4.0, 2.56, 1.6384])

def test_what_is_refused_before_any_training(converge):
    data = strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensors((x, y)))
    with pytest.raises(ValueError, match="Pass the dataset itself"):
        converge.fit(under(sequential), data)
    early = [keras.callbacks.EarlyStopping("loss")]
    with pytest.raises(ValueError, match="no callbacks under a strategy"):
        converge.fit(under(sequential), x, y, callbacks=early)
    with strategy.scope(), pytest.raises(ValueError, match="inside of strategy.scope"):
        converge.fit(sequential, x, y)
    converge.fit(under(sequential), x, y)
"""
IN_TWO_PROCESSES = """
from models import *

strategy = tf.distribute.MultiWorkerMirroredStrategy()

def build(rate=0.01):
    with strategy.scope():
        return sequential(rate=rate)

def by_hand():
    # The loop of TensorFlow's guide: `fit` of Keras 3 does not train in several processes.
    keras.utils.set_random_seed(1)
    model, losses = build(), []
    with strategy.scope():
        model.optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(batch):
        def of_replica(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
                share = loss / strategy.num_replicas_in_sync
            gradients = tape.gradient(share, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)
            return loss
        return strategy.reduce("MEAN", strategy.run(of_replica, args=batch), axis=None)

    for number in range(10):
        rows = slice(number % 3 * 32, number % 3 * 32 + 32)
        data = tf.data.Dataset.from_tensors((x[rows], y[rows]))
        options = tf.data.Options()
        by_rows = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = by_rows
        (batch,) = strategy.experimental_distribute_dataset(data.with_options(options))
        losses.append(float(step(batch)))
    return losses

@pytest.mark.converges(steps=10, min_decrease=0, monotone="off", seed=1)
def test_curve(converge):
    assert strategy.num_replicas_in_sync == 2
    result = converge.fit(build, x, y, shuffle=False, seeds=2)
    assert closeness(result, by_hand()) < 1e-5

def test_no_change_is_tried(converge):
    with pytest.raises(ConvergenceError, match="no cause was looked for: several processes"):
        converge.fit(lambda: build(1e-5), x, y, max_loss=0.1, steps=10)
"""


@pytest.mark.slow
def test_two_devices(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(TWO_DEVICES)
    pytester.makepyfile(models=MODELS, test_two=ON_TWO_DEVICES)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=15)


@pytest.mark.slow
def test_two_processes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(models=MODELS, test_workers=IN_TWO_PROCESSES)
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    workers = []
    for index in range(2):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        worker = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=pytester.path,
            env={**os.environ, "TF_CONFIG": json.dumps(task)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        workers.append(worker)
    try:
        said = [worker.communicate(timeout=300)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)
    assert all("2 passed" in text for text in said)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def test_strategies_that_are_not_synchronous_are_refused() -> None:
    strategy = tf.distribute.experimental.CentralStorageStrategy(["CPU:0"], "CPU:0")
    message = "got variables made under CentralStorageStrategy.*; expected no strategy, or Mirrored"
    with pytest.raises(InvalidTrainingError, match=message):
        check_strategy(strategy, "variables made")
