"""How near a learning rate is to the largest stable one."""

from __future__ import annotations

import dataclasses

import keras
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.edge_of_stability import share_of_limit
from tests.zoo.problems import fit, linear, minimize, sequential
from tests.zoo.trainings import running

SGD = keras.optimizers.SGD
V1 = tf.compat.v1.train


def share(start, steps=60):
    run = running(start, steps=steps)
    record = run.run(0)
    return share_of_limit(run.training, record.curve)


def bowl(optimizer):
    """Curvature 2: the largest stable rate is 1."""
    w = tf.Variable(3.0)
    return minimize(lambda: w**2 + 0.5, [w], optimizer)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.9, 0.97])
def test_on_a_quadratic_it_is_the_rate_over_two_through_the_curvature(rate):
    assert share(bowl(SGD(rate))) == pytest.approx(rate, abs=0.01)


def test_variables_that_float32_resolves_no_further_tell_nothing():
    w = tf.Variable([3.0, 4.0])
    target = tf.constant([0.1, 0.7])
    start = minimize(lambda: tf.reduce_sum((w - target) ** 2), [w], SGD(0.2))
    assert share(start, steps=400) == pytest.approx(0.2, abs=0.01)


def test_the_steepest_direction_counts_once_it_is_all_that_moves():
    w = tf.Variable([1.0, 1.0])
    curvatures = tf.constant([10.0, 1.0])
    start = minimize(lambda: 0.5 * tf.reduce_sum(curvatures * w**2), [w], SGD(0.196))
    assert share(start) == pytest.approx(0.98, abs=0.01)


def test_an_optimizer_of_tensorflow_1():
    assert share(bowl(V1.GradientDescentOptimizer(0.9))) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: SGD(0.9, momentum=0.1),
        lambda: SGD(0.9, clipnorm=1.0),
        lambda: SGD(0.9, weight_decay=0.1),
        lambda: SGD(0.9, use_ema=True),
        lambda: keras.optimizers.Adam(0.9),
        lambda: V1.MomentumOptimizer(0.9, 0.1),
    ],
    ids=["momentum", "clipped", "decay", "average", "Adam", "momentum of TensorFlow 1"],
)
def test_other_steps_have_another_limit(optimizer):
    assert share(bowl(optimizer())) is None


def regression(batch_size, *inner, shuffle=True):
    model = sequential(*inner, layers.Dense(1), optimizer=SGD(0.1), loss="mse")
    return fit(model, *linear(0, rows=64), batch_size=batch_size, shuffle=shuffle)


def test_a_model_on_all_rows():
    assert 0.0 < share(regression(64)) < 0.5


@pytest.mark.parametrize(
    "start",
    [lambda: regression(16), lambda: regression(60), lambda: regression(64, layers.Dropout(0.5))],
    ids=["batches", "uneven batches", "dropout"],
)
def test_a_loss_that_changes_from_step_to_step_tells_nothing(start):
    assert share(start()) is None


def test_gains_that_rounding_hides_tell_nothing():
    run = running(bowl(SGD(0.4)), steps=60)
    curve = run.run(0).curve
    resting = dataclasses.replace(curve, gradient_norm=(1e-4,) * 60, batch_loss=(0.5,) * 60)
    assert share_of_limit(run.training, resting) is None
