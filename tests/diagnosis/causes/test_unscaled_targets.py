"""Targets that are very large or far from zero."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import unscaled_targets
from pytest_converge.diagnosis.causes.unscaled_targets import standardised_targets
from tests.diagnosis.programs import failed_of, proven_by_its_own
from tests.training.interventions.test_scaled_output import rod
from tests.zoo.problems import SPARSE, fit, linear, sequential, step


def prices(loss="mse"):
    x, y = linear(0)
    parts = [layers.Dense(8, "tanh"), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=loss), x, 3000 + 500 * y)


def test_prices_are_standardised():
    found = proven_by_its_own(prices(), "unscaled-targets", steps=200, min_skill=0.5)
    assert found.message.startswith("targets on an unsuitable scale: ")
    assert found.message.endswith(" in y")


@pytest.mark.parametrize(("loss", "power"), [("mse", 2), ("mae", 1), ("huber", None)], ids=str)
def test_the_unit_of_the_loss_goes_along(loss, power):
    failed = failed_of(prices(loss), steps=5, max_loss=1e-9)
    (change,) = standardised_targets(failed)
    spread = np.std(failed.reruns.rows.arrays[1])
    expected = None if power is None else pytest.approx(spread**-power, rel=1e-2)
    assert change.loss_factor == expected


def two_heads():
    """Classes from one output and dollars from another."""
    x, _ = linear(0, rows=300)
    kind = x[:, :3].argmax(axis=1)
    dollars = (50_000 + 15_000 * np.tanh(x[:, 0] - x[:, 1])).astype("float32")
    inputs = keras.Input((4,))
    hidden = layers.Dense(16, "relu")(inputs)
    heads = {
        "kind": layers.Dense(3, "softmax", name="kind")(hidden),
        "income": layers.Dense(1, name="income")(hidden),
    }
    model = keras.Model(inputs, heads)
    losses = {"income": "mse", "kind": SPARSE}  # in another order than the targets
    model.compile(optimizers.Adam(0.02), losses, metrics={"kind": ["accuracy"]})
    return fit(model, x, {"kind": kind, "income": dollars})


def test_of_two_targets_the_one_in_dollars_is_standardised():
    bounds = {"kind_accuracy": (0.85, None)}
    found = proven_by_its_own(two_heads(), "unscaled-targets", steps=200, metrics=bounds)
    assert found.where == ("y['income']",)
    assert found.fix.startswith("y['income'] = (y['income'] - y['income'].mean(axis=0))")
    assert not found.excluded


def test_targets_that_are_the_inputs_are_not_scaled_alone():
    x, _ = linear(0, rows=200)
    parts = [layers.Dense(2), layers.Dense(4)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,))
    failed = failed_of(fit(model, 500 * x, 500 * x), steps=5, max_loss=1.0)
    assert failed.evidence.scale.targets
    assert standardised_targets(failed) == []


def goals(scale, *, rate=0.01, parts="all", frozen=False):
    """Q-learning of raw rewards: goals are made of a reward and of what another network answers."""
    rng = np.random.default_rng(0)
    state, following = (rng.normal(size=(256, 4)).astype("float32") for _ in range(2))
    action = rng.integers(0, 2, 256).astype("int32")
    reward = (scale * (np.tanh(state[:, 0]) * (2 * action - 1) + 1)).astype("float32")
    q = keras.Sequential([keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(2)])
    other, kernel = keras.models.clone_model(q), tf.random.normal((4, 2), seed=0)
    optimizer, variables = optimizers.Adam(rate), q.trainable_variables

    def train_step(state, action, reward, following=None):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(q(state) * tf.one_hot(action, 2), axis=1)
            goal = reward
            if following is not None:
                answers = following @ kernel if frozen else other(following)
                goal += 0.5 * tf.reduce_max(answers, axis=1)
            loss = tf.reduce_mean((tf.stop_gradient(goal) - value) ** 2)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    data = (state, action, reward, following)[: 4 if parts == "all" else 3]
    data = tf.data.Dataset.from_tensor_slices(data).shuffle(256, seed=0).batch(32)
    return step(train_step, variables=variables, data=data, optimizer=optimizer)


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "data[2]"), ({"frozen": True}, "data[2]"), ({"parts": "three"}, "sample_weight")],
    ids=["network", "matrix", "three parts"],
)
def test_rewards_of_a_step_are_targets(options, name):
    found = proven_by_its_own(
        goals(500.0, **options), "unscaled-targets", steps=200, max_loss=1000.0
    )
    assert found.fix.startswith("data = data.map(lambda state, action, reward")
    assert "(state, action, (reward - 500.2) / 315.9" in found.fix
    assert found.message.startswith("targets on an unsuitable scale: ")
    assert found.message.endswith(f" in {name}")
    (own,) = [trial for trial in found.tried if trial.change == f"targets standardised: {name}"]
    assert not own.comparable


def test_rewards_of_one_are_on_no_unsuitable_scale():
    failed = failed_of(goals(1.0, rate=1e-5), steps=20, max_loss=0.1)
    assert failed.evidence.computation.targets[-1] == "data[2]"
    assert not failed.evidence.scale.targets
    assert not failed.evidence.scale.features


def test_states_of_a_step_stay_features():
    start = goals(1.0)
    data = start.arguments["data"].map(lambda s, *rest: (1000 * s, *rest))
    start.arguments["data"] = data
    failed = failed_of(start, steps=20, max_loss=0.01)
    assert {flag.array for flag in failed.evidence.scale.features} == {"data[0]"}
    assert not failed.evidence.scale.targets


def test_times_of_a_likelihood_keep_their_sign():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(128, 2)).astype("float32")
    days = rng.exponential(300 * np.exp(-x[:, 0])).astype("float32")
    w, b, optimizer = tf.Variable(tf.zeros((2, 1))), tf.Variable(0.0), optimizers.SGD(1e-3)

    def train_step(features, time):
        with tf.GradientTape() as tape:
            h = tf.squeeze(features @ w + b, 1)
            loss = tf.reduce_mean(tf.exp(h) * time - h)
        optimizer.apply(tape.gradient(loss, [w, b]), [w, b])
        return loss

    start = step(train_step, variables=[w, b], data=(x, days), optimizer=optimizer)
    failed = failed_of(start, steps=5, max_loss=1.0)
    (change,) = standardised_targets(failed)
    assert change.fix == "y = y / y.std(axis=0)"
    _, scaled = change.data(failed.reruns.rows).arrays
    np.testing.assert_allclose(scaled[:128], days / days.std(), rtol=1e-5)
    assert change.loss_factor is None


@pytest.mark.parametrize("rate", [1e-6, 30.0])
def test_rewards_of_a_step_that_a_rate_fails_by_are_not_blamed(rate):
    failed = failed_of(goals(40.0, rate=rate), steps=100, max_loss=10.0)
    (change,) = standardised_targets(failed)
    assert not failed.trials.try_out(change).passed


def test_a_step_without_targets_may_ask_for_an_output_in_larger_units():
    failed = failed_of(rod(), steps=60, max_loss=1.0)
    changes = list(unscaled_targets._larger_output(failed))
    assert [change.change for change in changes] == [
        f"the output of last times {factor}" for factor in (300, 30, 3000)
    ]
    assert changes[0].fault.startswith("the output has to grow: its size went from ")
    assert failed.trials.try_out(changes[0]).passed


def test_an_output_that_stays_small_needs_no_larger_units():
    failed = failed_of(rod(held=0.2), steps=20, max_loss=1e-9)
    assert not list(unscaled_targets._larger_output(failed))
