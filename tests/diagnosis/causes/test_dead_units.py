"""Dead units: named without a proof where the model learns nothing at all."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge.core.guard import STRICT
from pytest_converge.diagnosis import evidence
from pytest_converge.report.section import section
from tests.diagnosis.programs import (
    conclusion,
    dead,
    diagnosis_of,
    failed_of,
    proven_by_its_own,
    result_of,
)
from tests.training.measures.steps import batches
from tests.zoo.problems import fit, linear, sequential, step


def test_dead_layers_are_not_blamed_on_the_labels():
    found = conclusion(failed_of(dead(), steps=40, max_loss=0.1))
    assert found.cause == "dead-units"
    assert "dead on every row" in found.message


def far_below_zero():
    x, _ = linear(0)
    bias = initializers.Constant(-20.0)
    parts = [layers.Dense(16, "relu", bias_initializer=bias, name="hidden"), layers.Dense(1)]
    return fit(
        sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,)),
        x,
        np.abs(x).sum(axis=1, keepdims=True),
    )


def test_a_layer_that_starts_dead_is_drawn_anew():
    found = diagnosis_of(far_below_zero(), steps=150, max_loss=0.5)
    assert (found.cause, found.proven) == ("dead-units", True)
    assert found.message.startswith("units of hidden are dead on every row; it converges with")
    assert found.evidence["dead_layers"] == "hidden"


@pytest.mark.parametrize("broken", ["gone", "changed"])
def test_readings_that_fail_are_named_and_not_lost(monkeypatch, broken):
    """Without them the same repair goes by another name, which has to be told."""

    def layer_readings(training):
        if broken == "gone":
            return a_name_that_is_nowhere  # noqa: F821 - the mistake
        raise ValueError("no such input")

    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(evidence, "layer_readings", layer_readings)
    result = result_of(far_below_zero(), steps=150, max_loss=0.5)
    reason = dict(result.diagnosis.excluded)["gradients and units of layers"]
    assert (
        reason
        == {
            "gone": "NameError: name 'a_name_that_is_nowhere' is not defined",
            "changed": "ValueError: no such input",
        }[broken]
    )
    text = " ".join(section(result, width=100, unicode=False).split())
    assert f"gradients and units of layers ({reason})" in text


def test_a_mistake_in_the_readings_raises_in_our_own_tests(monkeypatch):
    def layer_readings(training):
        return a_name_that_is_nowhere  # noqa: F821 - the mistake

    monkeypatch.setattr(evidence, "layer_readings", layer_readings)
    with pytest.raises(NameError, match="a_name_that_is_nowhere"):
        failed_of(far_below_zero(), steps=5, max_loss=0.5)


class Above(layers.Layer):
    """What of its input lies above a threshold."""

    def __init__(self, threshold, **options):
        super().__init__(**options)
        self.threshold = threshold

    def call(self, x):
        return keras.ops.relu(x - self.threshold)


def distances():
    x, _ = linear(0)
    return x, np.abs(x[:, :1]) + np.abs(x[:, 1:2])


def above(threshold, *, rate=0.01):
    parts = [layers.Dense(32, name="first"), Above(threshold, name="above"), layers.Dense(1)]
    return fit(
        sequential(*parts, optimizer=optimizers.Adam(rate), loss="mse", shape=(4,)),
        *distances(),
    )


def test_a_rectifier_in_a_layer_of_the_users_is_moved():
    assert result_of(above(0.0), steps=300, max_loss=0.05).passed
    found = proven_by_its_own(above(20.0), "dead-units", steps=300, max_loss=0.05)
    assert found.where == ("above",)
    assert found.fix.startswith("return tf.nn.relu((x - self.threshold) + 20)  # test_dead_units")
    assert found.message == (
        "the relu in above is 0 for every row at the start; it converges with 20 added in front"
        " of it"
    )


def own_step_above(threshold, *, rate=0.02):
    x, y = distances()
    first, last = (keras.Sequential([layers.Dense(n)]) for n in (32, 1))
    last(first(x))
    variables = first.trainable_variables + last.trainable_variables
    adam = optimizers.Adam(rate)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            hidden = tf.maximum(first(features) - threshold, 0.0)
            loss = tf.reduce_mean((last(hidden) - targets) ** 2)
        adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step(train_step, variables=variables, data=batches(x, y, 64), optimizer=adam)


@pytest.mark.slow
def test_a_rectifier_in_a_step_is_moved():
    found = proven_by_its_own(own_step_above(20.0), "dead-units", steps=300, max_loss=0.1)
    line = "hidden = tf.maximum((first(features) - threshold) + 20, 0.0)  # test_dead_units.py:"
    assert found.fix.startswith(line)
    assert found.message.startswith("the maximum with 0 in train_step is 0 for every row")


def test_a_dead_rectifier_is_named_where_moving_it_is_not_enough():
    found = conclusion(failed_of(above(20.0), steps=20, max_loss=1e-9))
    assert (found.cause, found.where, found.trial) == ("dead-units", ("above",), None)
    assert found.message.startswith(
        "the relu in above is 0 for every row at the start: its input is at most -1"
    )
    assert found.message.endswith(", so that no gradient reaches first")


@pytest.mark.slow
@pytest.mark.parametrize(
    "start", [lambda: above(0.0, rate=1e-6), lambda: above(1.5, rate=1e-6)], ids=["half", "most"]
)
def test_a_rectifier_that_lets_something_through_is_not_blamed_for_a_rate(start):
    keras.utils.set_random_seed(1)  # of others no rate is enough
    found = diagnosis_of(start(), steps=200, max_loss=0.3)
    assert found.proven
    assert found.cause != "dead-units"
    assert not any(trial.code == "dead-units" for trial in found.tried)


@pytest.mark.slow
def test_a_hinge_that_is_satisfied_is_not_blamed_for_a_rate():
    x, y = distances()
    w = tf.Variable(tf.zeros((4, 1)), name="w")
    adam = optimizers.Adam(1e-6)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            answers = tf.abs(features) @ w
            penalty = tf.reduce_sum(tf.nn.relu(tf.abs(w) - 10.0))
            loss = tf.reduce_mean((answers - targets) ** 2) + penalty
        adam.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    start = step(train_step, variables=[w], data=batches(x, y, 64), optimizer=adam)
    found = diagnosis_of(start, steps=200, max_loss=0.1)
    assert found.cause == "learning-rate-too-low"
    assert not any(trial.code == "dead-units" for trial in found.tried)
