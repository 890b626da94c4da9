"""Targets that cannot be reached: floors, and rows that contradict each other."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import unreachable_target
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.reference import guilty_model
from pytest_converge.diagnosis.skill import skill_in_squares
from pytest_converge.training.interventions import rows
from tests.diagnosis.programs import SPREAD, conclusion, diagnosis_of, distance, failed_of
from tests.zoo.problems import BINARY, SPARSE, fit, linear, sequential, step

SGD = optimizers.SGD


def test_a_bound_below_the_minimum_is_unreachable():
    found = diagnosis_of(distance(SGD(0.1)), steps=100, max_loss=0.5)
    assert found.cause == "unreachable-target"
    assert found.floor == pytest.approx(SPREAD, rel=1e-4)
    finite = [loss for trial in found.tried for loss in trial.losses if np.isfinite(loss)]
    assert min(finite) >= found.floor
    assert "0.6667" in found.message
    assert "max_loss=0.5" in found.message
    assert found.fix == "max_loss=0.7"  # a twentieth above the floor
    assert not found.verified


def test_a_bound_that_the_training_as_it_is_misses_too_is_given_with_what_reaches_it():
    found = diagnosis_of(distance(SGD(1.2)), steps=100, max_loss=0.5)
    assert found.cause == "unreachable-target"
    change, bound = found.fix.splitlines()
    assert bound == "max_loss=0.7"
    assert change in {trial.fix for trial in found.tried if trial.losses[0] == found.floor}


def regression(x, y, loss="mse"):
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss=loss), x, y)


def test_the_same_inputs_with_other_targets():
    x, y = linear(0, rows=100)
    start = regression(np.concatenate([x, x]), np.concatenate([y + 1, y - 1]))
    found = diagnosis_of(start, steps=60, max_loss=0.3)
    assert found.cause == "unreachable-target"
    assert "100 %" in found.message
    assert found.floor >= 0.9  # half of the difference, squared, is 1


@pytest.mark.parametrize("rate", [1e-4, 0.1])
def test_what_a_rate_reaches_is_not_unreachable_for_contradicting_rows(rate):
    """Sixteen points of 32 rows each with a twelfth of the labels wrong."""
    x = np.repeat(np.linspace(-1, 1, 16), 32)[:, None]
    y = (x[:, 0] > 0).astype(int)
    y[::12] = 1 - y[::12]
    keras.utils.set_random_seed(0)  # some starts are there from the beginning
    model = sequential(layers.Dense(2, "softmax"), optimizer=SGD(rate), loss=SPARSE, shape=(1,))
    found = diagnosis_of(fit(model, x, y), steps=100, max_loss=0.48 if rate < 0.1 else 0.1)
    assert found.cause == ("learning-rate-too-low" if rate < 0.1 else "unreachable-target")


def noisy_labels(*, related):
    x, _ = linear(0, rows=600)
    rng = np.random.default_rng(1)
    y = (x[:, :1] > 0) if related else rng.random((600, 1)) < 0.5
    y = np.where(rng.random((600, 1)) < 0.2, ~y, y).astype("float32")
    return fit(
        sequential(layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=BINARY), x, y
    )


@pytest.mark.parametrize(
    ("related", "cause"), [(True, "unreachable-target"), (False, "labels-unrelated")]
)
def test_permuted_targets_tell_a_floor_from_unrelated_labels(related, cause):
    failed = failed_of(
        noisy_labels(related=related), steps=100, evidence=Evidence(rate=0.1), max_loss=0.1
    )
    found = conclusion(failed)
    assert found.cause == cause
    assert found.floor == (pytest.approx(failed.record.curve.last) if related else None)
    assert [t.change for t in failed.trials.done.values()] == ["targets permuted (control)"]
    assert failed.trials.like_the_failed_run == []  # the control is no attempt at a repair


def test_without_targets_to_permute_nothing_is_claimed():
    """One run of a closure meets no floor that a second run would confirm."""
    found = conclusion(failed_of(distance(SGD(0.1)), max_loss=0.5))
    assert found.cause == "unknown"
    assert "none of 0 changes" in found.message


def test_a_bound_that_was_reached_is_not_called_unreachable():
    x, _ = linear(0, rows=200)
    y = (x[:, :1] > 0).astype("float32")
    head = layers.Dense(1, "sigmoid")
    start = fit(sequential(head, optimizer=optimizers.Adam(0.05), loss=BINARY), x, y)
    failed = failed_of(start, steps=60, max_loss=2.0, min_skill=0.99)
    assert failed.record.curve.last < 2.0
    assert conclusion(failed).cause == "unknown"


def pairs_drawn_anew(passes):
    """Each pass pairs the same rows with other views of them, as augmentation does."""
    x, y = linear(0, rows=64)
    rng = np.random.default_rng(0)
    views = [(x, y + 3 * rng.normal(size=y.shape).astype("float32")) for _ in range(passes)]
    data = tf.data.Dataset.from_tensor_slices(views[0])
    data = data.map(lambda a, b: (a, b + 3 * tf.random.normal(tf.shape(b))))
    return fit(
        sequential(layers.Dense(1), optimizer=SGD(0.05), loss="mse", shape=(4,)), data.batch(16)
    )


def test_pairs_that_change_from_pass_to_pass_contradict_nobody():
    failed = failed_of(pairs_drawn_anew(10), steps=40, max_loss=0.1)
    assert failed.reruns.rows.rows > failed.reruns.rows.epoch_rows
    assert unreachable_target._contradicting(failed) is None


def test_nothing_is_unreachable_while_a_change_was_left_out():
    failed = failed_of(noisy_labels(related=True), steps=100, max_loss=0.1)
    change = rows.shuffled(0, from_dataset=False)
    failed.trials.changes[change.change] = change
    failed.trials.left_out.append(change.change)
    assert unreachable_target._related(failed) is None
    assert unreachable_target._floor(failed) is None


def curved(rows=400):
    """A circle, of which a line sees nothing and neighbours see all."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (rows, 2)).astype("float32")
    y = (x**2).sum(axis=1, keepdims=True) + 0.3 * x[:, :1]
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.05), loss="mse", shape=(2,)), x, y)


def test_what_predictors_without_a_model_reach_is_not_out_of_reach():
    failed = failed_of(curved(), steps=100, max_loss=0.1)
    assert conclusion(failed).cause == "unknown"


def test_softmax_applied_twice_has_a_floor_that_is_told():
    y = np.arange(200) % 3
    x = np.eye(3, dtype="float32")[y] * 4
    parts = [layers.Dense(3, "softmax"), layers.Softmax()]
    model = sequential(*parts, optimizer=optimizers.Adam(0.1), loss=SPARSE, shape=(3,))
    failed = failed_of(fit(model, x, y), steps=200, max_loss=0.1)
    assert "0.5514, the least of 3 classes where softmax" in unreachable_target.known_floor(failed)
    assert conclusion(failed).cause != "unreachable-target"


def test_where_a_metric_alone_is_missed_no_floor_of_the_loss_is_told(monkeypatch):
    failed = failed_of(noisy_labels(related=True), steps=100, max_loss=0.1)
    assert unreachable_target._related(failed).cause == "unreachable-target"
    monkeypatch.setattr(unreachable_target, "only_metrics_missed", lambda *_: True)
    assert unreachable_target._related(failed) is None


@pytest.mark.parametrize(
    ("losses", "comes_down"),
    [
        ([2.0, 1.2, 1.01], True),
        ([1.01, 1.0, 1.0], False),  # nothing was learnt on its way
        ([2.0, 1.5, 1.1], False),
        ([math.nan, 1.0], False),
        ([2.0, math.nan], False),
        ([], False),
    ],
)
def test_a_floor_is_met_from_above(losses, comes_down):
    assert unreachable_target._comes_down_to(1.0, losses) is comes_down


def returns_of_dice(own_step, noise=1.0):
    """Each of eight squares is worth a number, and dice decide on the rest."""
    rng = np.random.default_rng(0)
    square = rng.integers(0, 8, 400)
    x = np.eye(8, dtype="float32")[square]
    y = (np.linspace(-2, 2, 8)[square] ** 2 + noise * rng.normal(size=400)).astype("float32")
    if not own_step:
        model = sequential(layers.Dense(1), optimizer=optimizers.Adam(0.1), loss="mse", shape=(8,))
        return fit(model, x, y[:, None])
    model, adam = keras.Sequential([keras.Input((8,)), layers.Dense(1)]), optimizers.Adam(0.1)

    @tf.function
    def train_step(state, gain):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((gain - model(state)[:, 0]) ** 2)
        adam.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(50)
    return step(train_step, variables=model.trainable_variables, data=data, optimizer=adam)


@pytest.mark.parametrize("own_step", [True, False])
def test_targets_that_differ_for_the_same_inputs_have_a_least_error(own_step):
    found = diagnosis_of(returns_of_dice(own_step), steps=160, max_loss=0.3)
    assert (found.cause, found.proven) == ("unreachable-target", False)
    assert found.floor == pytest.approx(1.0, rel=0.15)
    assert found.message.startswith("rows with the same inputs have other targets")
    assert found.fix.startswith("max_loss=1.")


def test_a_least_error_below_the_bound_explains_nothing():
    start = returns_of_dice(True, noise=0.3)
    start.arguments["optimizer"].learning_rate = 1e-5
    assert diagnosis_of(start, steps=160, max_loss=0.3).cause == "learning-rate-too-low"


def test_what_a_loss_of_ones_own_reaches_is_compared_in_the_unit_of_squares():
    """Noise of a deviation of 1 leaves half of the error of quantiles, and a quarter of squares."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (800, 1)).astype("float32")
    y = (2 * x + np.sin(3 * x) + rng.normal(0, 1.0, (800, 1))).astype("float32")

    def pinball(truth, guess):
        shares, error = np.array([0.1, 0.5, 0.9], "float32"), truth - guess
        return keras.ops.mean(keras.ops.maximum(shares * error, (shares - 1) * error), axis=-1)

    parts = [layers.Dense(16, "tanh"), layers.Dense(3)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss=pinball, shape=(1,))
    failed = failed_of(fit(model, x, y), steps=150, max_loss=0.08)
    assert skill_in_squares(failed) == pytest.approx(0.76, abs=0.06)
    assert guilty_model(failed) is None  # a plain network of squares has no more of them
    found = conclusion(failed)
    assert found.cause == "unreachable-target"
    assert "nor does nearest neighbours without the model" in found.message
