"""The diagnosis: made only of failures, within a budget, and leaving no trace."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge import runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.diagnosis.diagnose import diagnose
from pytest_converge.diagnosis.trials import Trials
from tests.diagnosis.programs import (
    diagnosis_of,
    distance,
    raw_features,
    result_of,
    two_valleys,
)
from tests.zoo.problems import (
    SPARSE,
    classifier,
    fit,
    linear,
    minimize,
    sequential,
    step,
    wine,
)
from tests.zoo.trainings import quiet, running

SGD = optimizers.SGD

# ---- when it runs -------------------------------------------------------------------------------


def test_a_training_that_passes_is_not_diagnosed():
    result = result_of(distance(SGD(0.1)), steps=100, max_loss=0.67)
    assert result.passed
    assert result.diagnosis is None


def test_a_failure_is_not_diagnosed_where_nobody_asks():
    result = result_of(distance(SGD(0.001)), steps=100, max_loss=0.67, diagnose="off")
    assert not result.passed
    assert result.diagnosis is None


def test_a_full_diagnosis_may_take_longer_than_a_quick_one():
    quick, full = (
        diagnosis_of(
            distance(SGD(0.001)), steps=20, max_loss=0.67, diagnose=how, in_full=runner.FULL
        ).budget
        for how in ("quick", "full")
    )
    assert (quick, full) == (10.0, 50.0)


# ---- the budget ---------------------------------------------------------------------------------


def diagnosed_within(budget, start, *, steps=50, **expectation):
    run = running(start, steps=steps)
    record = run.run(0)
    expected = Expectation(seed=0, steps=steps, **expectation)
    return diagnose(run, record, expected, budget=budget, progress=quiet)


def test_without_any_time_nothing_is_tried_and_what_was_left_out_is_named():
    found = diagnosed_within(-1.0, distance(SGD(0.001)), max_loss=0.67)
    assert found.tried == ()
    assert found.budget == -1.0
    assert len(found.left_out) == len(set(found.left_out)) >= 1
    assert found.left_out[0].startswith("learning rate")
    assert not found.proven


def test_the_time_spent_is_reported():
    found = diagnosed_within(30.0, distance(SGD(0.001)), max_loss=0.67)
    assert found.budget == 30.0
    assert 0 < sum(trial.seconds for trial in found.tried) <= found.seconds < 30.0
    assert found.left_out == ()


def test_a_repair_that_was_verified_in_time_is_not_lost(monkeypatch):
    """The time is up while the edges of what passes are looked for."""
    try_out = Trials.try_out

    def last_one(trials, change, *, confirm=True):
        trial = try_out(trials, change, confirm=confirm)
        if trial is not None and trial.verified:
            trials.budget = -1.0
        return trial

    monkeypatch.setattr(Trials, "try_out", last_one)
    found = diagnosed_within(30.0, distance(SGD(0.001)), max_loss=0.67)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert len(found.left_out) == 1
    assert found.left_out[0] not in {trial.change for trial in found.tried}


# ---- what cannot be changed ---------------------------------------------------------------------


def test_a_change_that_cannot_be_made_is_excluded_with_its_reason(monkeypatch):
    def refuse(*_, **__):
        raise ValueError("no such luck\nand more")

    monkeypatch.setattr("pytest_converge.training.interventions.features._changed", refuse)
    found = diagnosis_of(raw_features(), steps=100)
    reasons = dict(found.excluded)
    assert reasons["features standardised"] == "ValueError: no such luck"
    assert "features standardised" not in {trial.change for trial in found.tried}


class OfRagged(keras.Model):
    """One logit of the numbers at the beginning of each row."""

    def __init__(self):
        super().__init__()
        self.embedding, self.dense = layers.Embedding(6, 4), layers.Dense(1)

    def call(self, rows):
        return self.dense(self.embedding(rows.to_tensor())[:, 0])


@pytest.mark.slow
def test_of_rows_of_different_lengths_it_is_said_what_cannot_be_looked_at():
    rows = tf.ragged.constant([[1, 2, 3], [4], [1, 1], [4, 4, 4, 4]] * 8)
    labels = np.array([[1.0], [0.0]] * 16, "float32")
    model = OfRagged()
    model(rows)
    model.compile(optimizers.Adam(1e-6), keras.losses.BinaryCrossentropy(from_logits=True))
    start = fit(model, tf.data.Dataset.from_tensor_slices((rows, labels)).batch(8))
    reasons = dict(diagnosis_of(start, steps=100, max_loss=0.1).excluded)
    assert reasons["other data"] == "the data is ragged or sparse"
    assert "rows of different lengths" in reasons["scales of features and targets"]


def test_data_in_the_step_are_said_to_be_there():
    reasons = dict(diagnosis_of(distance(SGD(1e-6)), steps=10, max_loss=0.1).excluded)
    assert reasons["other data"] == "the data is closed over by the loss or the step"


def test_the_optimizer_inside_of_a_step_is_exchanged_where_it_asks_for_updates():
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), SGD(0.001, momentum=0.97)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    start = step(tf.function(train_step), variables=[w], optimizer=optimizer)
    found = diagnosis_of(start, steps=20, max_loss=0.02)
    changes = [trial.change for trial in found.tried]
    assert "momentum 0.9 instead of 0.97" in changes
    assert found.proven


# ---- everything put back ------------------------------------------------------------------------


def everything(model, optimizer):
    hidden, drop, head = model.layers
    return {
        "activations": (hidden.activation, head.activation),
        "penalty": hidden.kernel.regularizer,
        "constraint": hidden.kernel.constraint,
        "rate": drop.rate,
        "trainable": [v.trainable for v in model.weights],
        "layers": model.layers,
        "loss": model.loss,
        "optimizer": model.optimizer is optimizer,
        "learning rate": float(optimizer.learning_rate),
        "momentum": optimizer.momentum,
        "iterations": int(optimizer.iterations),
    }


def burdened():
    """Something for every stage to change, and no repair that would end the search early."""
    hidden = layers.Dense(
        6, "tanh", kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(2.0)
    )
    parts = [hidden, layers.Dropout(0.3), layers.Dense(1, "tanh")]
    optimizer = SGD(0.01, momentum=0.97)
    return sequential(*parts, optimizer=optimizer, loss="mse", shape=(4,)), optimizer


def wild():
    x, y = linear(0)
    x[:, 2] *= 500
    return x, y


@pytest.mark.slow
def test_everything_is_put_back_afterwards():
    """Also the weights, which are those at the end of the failed run."""
    keras.utils.set_random_seed(0)
    plain, _ = burdened()
    result_of(fit(plain, *wild(), shuffle=False), steps=20, max_loss=1e-9, diagnose="off")
    keras.utils.set_random_seed(0)
    model, optimizer = burdened()
    x, y = wild()
    before = everything(model, optimizer)
    found = diagnosis_of(fit(model, x, y, shuffle=False), steps=20, max_loss=1e-9)
    changes = " ".join(trial.change for trial in found.tried)
    for part in ("momentum", "penalties", "constraints", "dropout", "standardised", "shuffled"):
        assert part in changes, part
    after = everything(model, optimizer)
    assert after.pop("iterations") == before.pop("iterations") + 20
    assert after == before
    for array, untouched in zip((x, y), wild(), strict=True):
        np.testing.assert_array_equal(array, untouched)
    for ours, theirs in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


def test_a_variable_ends_where_the_failed_run_left_it():
    w = tf.Variable(0.0)
    diagnosis_of(distance(SGD(0.001), w), steps=10, max_loss=0.67)
    assert float(w) == pytest.approx(2.5 * (1 - 0.998**10), rel=1e-4)


def test_the_optimizer_of_a_closure_is_given_back():
    optimizer = SGD(3.0)
    diagnosis_of(distance(optimizer), steps=10, max_loss=0.67)
    assert float(optimizer.learning_rate) == 3.0


def test_a_model_trains_on_after_a_diagnosis():
    """Nothing that was traced meanwhile is left in the model."""
    model = classifier(SGD(1e-5), shape=(13,))
    x, y = wine()
    diagnosis_of(fit(model, x, y), steps=20)
    model.compile(SGD(0.5), SPARSE)
    history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.2 * history[0]


# ---- the numbers behind it ----------------------------------------------------------------------


def test_the_evidence_holds_plain_numbers():
    found = diagnosis_of(two_valleys(3.0, SGD(1.0)), steps=100, max_loss=1.1)
    assert found.evidence["learning_rate"] == pytest.approx(1.0)
    assert found.evidence["initial_loss"] == pytest.approx(2.0)
    assert found.evidence["step_gauge"] < 0
    assert all(type(value) in (int, float, str) for value in found.evidence.values())


# ---- several starts -----------------------------------------------------------------------------


def valleys_by_turns():
    """A builder whose second start lies in the higher of two valleys."""
    calls = []

    def build():
        calls.append(None)
        w = tf.Variable(1.2 if len(calls) == 2 else -1.2)
        return lambda: w**4 - 3 * w**2 + w, [w], SGD(0.02)

    return minimize(build)


def test_the_first_start_that_fails_is_diagnosed():
    result = result_of(valleys_by_turns(), seeds=3, steps=100, max_loss=-3.0)
    assert [run.passed for run in result.runs] == [True, False, True]
    found = result.diagnosis
    assert (found.cause, found.proven) == ("local-minimum", True)
    assert found.evidence["initial_loss"] == pytest.approx(result.runs[1].record.curve.first)
    plain = result_of(valleys_by_turns(), seeds=3, steps=100, max_loss=-3.0, diagnose="off")
    assert result.runs[2].record.curve == plain.runs[2].record.curve


def dead_by_turns():
    """A builder whose second model has units that are dead from the start."""
    calls = []

    def build():
        calls.append(None)
        bias = keras.initializers.Constant(-50.0 if len(calls) == 2 else 0.0)
        hidden = layers.Dense(16, "relu", bias_initializer=bias)
        head = layers.Dense(1, use_bias=False)
        return sequential(hidden, head, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,))

    return fit(build, *linear(0))


def test_a_model_that_fails_at_its_second_start():
    result = result_of(dead_by_turns(), seeds=3, steps=80, max_loss=0.2)
    assert [run.passed for run in result.runs] == [True, False, True]
    assert result.diagnosis.cause == "dead-units"
    assert result.diagnosis.proven
    plain = result_of(dead_by_turns(), seeds=3, steps=80, max_loss=0.2, diagnose="off")
    assert result.runs[2].record.curve == plain.runs[2].record.curve
