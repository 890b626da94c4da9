"""A step that makes its optimizer anew."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from tests.diagnosis.programs import diagnosis_of, proven_by_its_own
from tests.training.measures.steps import batches
from tests.zoo.problems import step


def line(make, rows=128):
    """Weights fitted by the optimizer that a function gives in each step."""
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")
    w = tf.Variable(tf.zeros((4, 1)), name="w")

    def train_step(features, targets):
        optimizer = make()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w - targets) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(train_step, variables=[w], data=batches(x, y, 64))


@pytest.mark.slow
def test_one_optimizer_for_all_steps_repairs_it():
    start = line(lambda: optimizers.Adam(0.1))
    found = proven_by_its_own(start, "optimizer-reset", steps=100, max_loss=1e-3)
    assert found.message.startswith("each step makes a new Adam, which begins without")
    assert found.fix == "optimizer = keras.optimizers.Adam(0.1)  # once, outside of the step"
    assert [trial.change for trial in found.tried] == ["one Adam for all steps"]


@pytest.mark.slow
def test_where_that_is_not_enough_it_is_said_all_the_same():
    start = line(lambda: optimizers.Adam(1e-5))
    found = diagnosis_of(start, steps=20, max_loss=1e-3)
    assert found.cause == "optimizer-reset"


def test_an_optimizer_made_once_is_none():
    kept = optimizers.Adam(1e-3)
    found = diagnosis_of(line(lambda: kept), steps=20, max_loss=1e-3)
    assert found.cause != "optimizer-reset"


@pytest.mark.parametrize("budget", [0.0])
def test_it_is_said_without_time_too(budget, monkeypatch):
    monkeypatch.setattr("pytest_converge.runner.QUICK_SECONDS", budget)
    monkeypatch.setattr("pytest_converge.runner.QUICK_TIMES", budget)
    found = diagnosis_of(line(lambda: optimizers.Adam(0.1)), steps=20, max_loss=1e-3)
    assert (found.cause, found.tried) == ("optimizer-reset", ())


def test_a_warm_up_that_begins_anew_in_every_step_makes_no_update_at_all():
    def make():
        rate = optimizers.schedules.CosineDecay(0.0, 500, warmup_target=0.1, warmup_steps=10)
        return optimizers.SGD(rate)

    found = proven_by_its_own(line(make), "optimizer-reset", steps=100, max_loss=0.05)
    assert "begins without the state of the one before" in found.message
