"""Targets that cannot be reached: floors, contradictions, and labels that say nothing."""

from __future__ import annotations

import math
import types

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.columns.contradictions import contradicting_share, targets_are_inputs
from pytest_converge.core.diagnosis import Trial
from pytest_converge.diagnosis import floor
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions.steps import more
from tests.checks.curves import record_of
from tests.diagnosis.programs import SPREAD, diagnosis_of, distance, laboratory_of
from tests.zoo.problems import BINARY, SPARSE, fit, linear, minimize, sequential

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


def regression(x, y, loss="mse"):
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss=loss), x, y)


def test_the_same_inputs_with_other_targets():
    x, y = linear(0, rows=100)
    start = regression(np.concatenate([x, x]), np.concatenate([y + 1, y - 1]))
    found = diagnosis_of(start, steps=60, max_loss=0.3)
    assert found.cause == "unreachable-target"
    assert "100 %" in found.message
    assert found.floor >= 0.9  # half of the difference, squared, is 1


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        ([[1], [1], [2], [3]], [[0], [1], [0], [1]], 0.5),
        ([[1], [1], [2], [2]], [[0], [0], [1], [1]], 0.0),
        ([[1, 2], [2, 1], [1, 2]], [[0], [1], [0]], 0.0),
        ([[1], [1], [1]], [[0], [0], [1]], 1.0),
    ],
    ids=["half", "repeated", "other order", "one of three"],
)
def test_the_share_of_rows_that_contradict_others(x, y, share):
    assert contradicting_share(np.array(x), np.array(y)) == pytest.approx(share)


def test_targets_that_are_an_input():
    x, other = np.arange(6.0).reshape(3, 2), np.ones((3, 1))
    assert targets_are_inputs(batch_leaves((x, x)))
    assert targets_are_inputs(batch_leaves(({"a": other, "b": x}, x.reshape(3, 2, 1), np.ones(3))))
    assert not targets_are_inputs(batch_leaves((x, x + 1)))
    assert not targets_are_inputs(batch_leaves((x, other)))
    assert not targets_are_inputs(batch_leaves((x,)))


def broadcasting(rows, *, column):
    x, y = linear(0, rows=rows)
    targets, w = tf.constant(y if column else y[:, 0]), tf.Variable(tf.zeros((4, 1)))
    return minimize(lambda: tf.reduce_mean((x @ w - targets) ** 2), [w], SGD(0.1))


def test_a_row_less_a_column_is_a_matrix():
    found = diagnosis_of(broadcasting(60, column=False), steps=50, max_loss=0.1)
    assert found.cause == "label-encoding"
    assert "(60, 1)" in found.message
    assert "(60,)" in found.message
    assert "reshape" in found.fix


def test_a_column_less_a_column_is_none():
    lab, trials, record = laboratory_of(broadcasting(60, column=True), max_loss=1e-9)
    assert floor.contradiction(lab, trials, record) is None


def numbered_twice(rows=400, *, twice):
    """Four corners; the second half of the rows may number them from another one on."""
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 4, rows)
    x = np.stack([corner % 2, corner // 2], axis=1) * 4.0 - 2 + 0.3 * rng.normal(size=(rows, 2))
    y = corner.copy()
    if twice:
        y[rows // 2 :] = (y[rows // 2 :] + 1) % 4
    parts = [layers.Dense(16, "relu"), layers.Dense(4, "softmax")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.05), loss=SPARSE)
    return fit(model, x.astype("float32"), y)


def test_two_files_with_two_numberings():
    found = diagnosis_of(numbered_twice(twice=True), steps=80, max_loss=0.3)
    assert found.cause == "label-encoding"
    assert "each half" in found.message
    changes = [trial.change for trial in found.tried if trial.verified]
    assert changes[-2:] == ["first half of the rows alone", "second half of the rows alone"]
    assert found.verified == ()  # half of the rows is no repair


def test_halves_that_do_not_train_either_are_no_proof():
    lab, trials, record = laboratory_of(numbered_twice(twice=False), steps=5, max_loss=1e-9)
    assert floor.two_encodings(lab, trials, record) is None


def test_few_rows_are_learnt_by_heart():
    lab, trials, record = laboratory_of(numbered_twice(150, twice=True), steps=60, max_loss=0.3)
    assert floor.two_encodings(lab, trials, record) is None
    assert trials.done == {}


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
    lab, trials, record = laboratory_of(noisy_labels(related=related), steps=100, max_loss=0.1)
    verdict = floor.nothing_passed(trials, record, Clues(rate=0.1))
    assert verdict.cause == cause
    assert verdict.floor == (pytest.approx(record.curve.last) if related else None)
    assert [t.change for t in trials.done.values()] == ["targets permuted (control)"]
    assert trials.like_the_failed_run == []  # the control is no attempt at a repair
    lab.put_back()


def test_without_targets_to_permute_nothing_is_claimed():
    """One run of a closure meets no floor that a second run would confirm."""
    _, trials, record = laboratory_of(distance(SGD(0.1)), max_loss=0.5)
    verdict = floor.nothing_passed(trials, record, Clues(rate=0.1))
    assert verdict.cause == "unknown"
    assert "none of 0 changes" in verdict.message


# ---- more steps that still gain -----------------------------------------------------------------


def slow_trials(*losses, bound=0.01, steps=100):
    """Trials of 4 and 16 times the steps that ended with these losses."""
    done, changes = {}, {}
    for factor, loss in zip((4, 16), losses, strict=False):
        change = more(steps, factor)
        changes[change.change] = change
        done[change.change] = Trial(
            change=change.change, code="too-few-steps", losses=(loss,), passed=0
        )
    return types.SimpleNamespace(
        laboratory=types.SimpleNamespace(steps=steps),
        expectation=types.SimpleNamespace(max_loss=bound),
        changes=changes,
        like_the_failed_run=list(done.values()),
    )


def test_a_power_law_is_followed_to_the_target():
    """Half the loss for four times the steps: 0.1 at 1,600 is 0.025 at 16 times as many."""
    found = floor._only_slow(slow_trials(0.2, 0.1, bound=0.025), 0.025)
    assert found.cause == "too-few-steps"
    assert found.fix == "steps=30000"
    assert found.message == (
        "0.2 after 400 steps, 0.1 after 1600: it still falls, and would reach max_loss=0.025"
        " in about 30000"
    )


@pytest.mark.parametrize(
    ("losses", "bound"),
    [
        ((0.2, 0.19), 0.1),
        ((0.2, 0.1), 1e-6),
        ((0.2,), 0.1),
        ((0.2, math.nan), 0.1),
        ((0.2, 0.1), None),
    ],
    ids=["no gain", "far away", "one run", "not finite", "no bound"],
)
def test_where_time_promises_nothing_nothing_is_promised(losses, bound):
    assert floor._only_slow(slow_trials(*losses), bound) is None


def test_a_slow_training_is_not_called_unreachable():
    trials = slow_trials(0.2, 0.1, bound=0.05)
    trials.laboratory.training = types.SimpleNamespace(full_batch=False)
    verdict = floor.nothing_passed(trials, record_of([9.0, 0.4]), Clues(rate=0.1))
    assert (verdict.cause, verdict.floor) == ("too-few-steps", None)
