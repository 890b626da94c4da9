"""A target that is reached by heart alone is no proof of too few steps."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis import by_heart
from pytest_converge.diagnosis.by_heart import unless_by_heart
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.training.interventions import features, steps
from tests.diagnosis.programs import failed_of
from tests.zoo.problems import BINARY, fit, linear, sequential


def classes(*, wrong=0.0, unrelated=False, rows=300, rate=0.01):
    x, _ = linear(0, rows=rows)
    rng = np.random.default_rng(0)
    y = x[:, :1] + x[:, 1:2] > 0
    if unrelated:
        y = rng.permutation(y)
    y = np.where(rng.random((rows, 1)) < wrong, ~y, y).astype("float32")
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(rate), loss=BINARY), x, y)


def answer_of(start, *, count, factor, beside=None, **expectation):
    failed = failed_of(start, steps=count, **expectation)
    change = steps.more(count, factor)
    if beside is not None:
        change = change.with_causes(beside)
    trial = failed.trials.try_out(change)
    assert trial.passed
    return unless_by_heart(failed, Answer(cause=change.code, trial=trial))


@pytest.mark.slow
def test_wrong_labels_learnt_by_heart_are_a_floor():
    found = answer_of(classes(wrong=0.15), count=200, factor=16, max_loss=0.1)
    assert found.cause == "unreachable-target"
    assert "by heart" in found.message
    assert not found.fix


def test_what_needs_time_is_learnt_for_other_rows_as_well():
    found = answer_of(classes(rate=0.0003), count=30, factor=16, max_loss=0.3)
    assert found.cause == "too-few-steps"


def test_rows_held_out_are_scaled_as_those_that_are_trained_on():
    start = classes(rate=0.0003)
    start.arguments["x"] *= 1000.0
    scaled = features.divided({"x": 1000.0})
    found = answer_of(start, count=30, factor=16, beside=scaled, max_loss=0.3)
    assert found.cause == "too-few-steps"


def test_labels_that_are_to_be_learnt_by_heart_may_be():
    found = answer_of(classes(unrelated=True, rows=150), count=100, factor=16, max_loss=0.1)
    assert found.cause == "too-few-steps"


def test_by_heart_is_seen_also_where_the_proof_took_the_time_left():
    failed = failed_of(classes(wrong=0.15), steps=50, max_loss=0.1)
    trial = failed.trials.try_out(steps.more(50, 16))
    assert trial.passed
    failed.trials.budget = 0.0
    found = unless_by_heart(failed, Answer(cause="too-few-steps", trial=trial))
    assert found.cause == "unreachable-target"
    assert failed.trials.done[trial.change].control  # it is no proof of anything


def test_of_ids_of_rows_half_of_them_says_little():
    """A table of ratings by users and films, of which each row is one place."""
    rng = np.random.default_rng(0)
    users, films = (z.ravel() for z in np.meshgrid(np.arange(20), np.arange(20)))
    ratings = (rng.normal(size=(20, 4))[users] * rng.normal(size=(20, 4))[films]).sum(axis=1)
    inputs = [keras.Input((1,), dtype="int32") for _ in range(2)]
    tastes = [layers.Flatten()(layers.Embedding(20, 16)(each)) for each in inputs]
    model = keras.Model(inputs, layers.Dot(1)(tastes))
    model.compile(optimizers.Adam(0.03), "mse")
    x = [users.astype("int32")[:, None], films.astype("int32")[:, None]]
    start = fit(model, x, ratings.astype("float32")[:, None])
    assert answer_of(start, count=10, factor=30, max_loss=0.3).cause == "too-few-steps"


def test_parts_of_a_step_are_no_ids_of_rows():
    numbers = np.arange(6)
    ids = types.SimpleNamespace(arrays=(numbers, numbers / 2))
    assert by_heart._are_ids(ids)
    parts = types.SimpleNamespace(arrays=(numbers / 2,) * 5)  # none of them is named an input
    assert not by_heart._are_ids(parts)


def squares(*, apart, rows=240):
    """Pictures of small and of large squares; their labels belong to them, or to others."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    x = rng.normal(0.3, 0.15, (rows, 8, 8, 1))
    for i, (top, left) in enumerate(rng.integers(0, 4, (rows, 2))):
        x[i, top : top + 2 + 2 * y[i], left : left + 2 + 2 * y[i]] += 0.8
    if apart:  # as a listing by name: 10 comes before 2
        x = x[sorted(range(rows), key=str)]
    keras.utils.set_random_seed(0)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(64, "relu")]
    parts.append(layers.Dense(1, "sigmoid"))
    model = sequential(*parts, optimizer=optimizers.Adam(0.003), loss=BINARY, shape=(8, 8, 1))
    return fit(model, x.astype("float32"), y[:, None].astype("float32"))


@pytest.mark.parametrize("apart", [True, False])
def test_labels_of_other_pictures_that_are_learnt_by_heart_are_unrelated(apart):
    found = answer_of(squares(apart=apart), count=10, factor=24, max_loss=0.3)
    assert found.cause == ("labels-unrelated" if apart else "too-few-steps")
    assert ("by heart" in found.message) is apart
