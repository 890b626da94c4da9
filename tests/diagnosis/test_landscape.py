"""Words of the landscape, each earned by an escape or by the failure of one."""

from __future__ import annotations

import math

import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.record import NonFinite
from pytest_converge.diagnosis import landscape
from pytest_converge.diagnosis.clues import Clues
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, distance, laboratory_of, two_valleys
from tests.zoo.problems import fit, linear, minimize, sequential

SGD = optimizers.SGD


def test_the_top_between_two_valleys_is_a_saddle_point():
    found = diagnosis_of(two_valleys(2.0, SGD(0.02)), steps=100, max_loss=1.1)
    assert found.cause == "saddle-point"
    assert found.proven
    assert "negative curvature" in found.message
    assert found.verified[0].losses[0] == pytest.approx(1.0, abs=1e-3)


def test_a_slope_beside_the_top_is_no_saddle_point():
    found = diagnosis_of(two_valleys(2.2, SGD(1e-4)), steps=60, max_loss=1.1)
    assert found.cause == "learning-rate-too-low"


def test_the_higher_valley_is_a_local_minimum():
    found = diagnosis_of(two_valleys(3.0, SGD(0.02), tilt=0.5), steps=100, max_loss=0.6)
    assert found.cause == "local-minimum"
    assert found.proven
    assert "another start" in found.verified[0].change
    assert found.verified[0].losses[0] < 0.3
    longer = [trial for trial in found.tried if trial.code == "too-few-steps"]
    assert longer
    assert not any(trial.passed for trial in longer)


def test_a_flat_start_that_adam_leaves_is_a_plateau():
    w = tf.Variable([3.5, 3.5])
    start = minimize(lambda: 1 - tf.exp(-0.5 * tf.reduce_sum(w**2)), [w], SGD(0.2))
    found = diagnosis_of(start, steps=150, max_loss=0.2)
    assert found.cause in ("plateau", "learning-rate-too-low")
    assert found.proven


def test_two_factors_that_start_at_zero():
    u, v = tf.Variable(0.0), tf.Variable(0.0)
    start = minimize(lambda: (u * v - 1) ** 2, [u, v], SGD(0.1))
    found = diagnosis_of(start, steps=100, max_loss=0.1)
    assert found.cause == "saddle-point"
    assert found.proven


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([1.0, 1.0], True), ([1.0, 0.95], True), ([1.0, 0.8], False), ([-1.0, -1.05], True)],
)
def test_a_run_that_gained_a_tenth_did_not_stand_still(losses, expected):
    assert landscape.looks_stationary(record_of(losses)) is expected


def test_a_run_that_left_the_numbers_did_not_stand_still():
    assert not landscape.looks_stationary(record_of([1.0, math.nan]))
    bad = (NonFinite(what="loss", name="loss"),)
    assert not landscape.looks_stationary(record_of([1.0, 1.0], nonfinite=bad))


@pytest.mark.parametrize(
    ("momentum", "limit"), [(0.0, 1.0), (0.5, 1.5), (0.9, 1.9)], ids=["none", "half", "high"]
)
def test_the_limit_of_descent_is_two_over_the_curvature(momentum, limit):
    lab, _, _ = laboratory_of(distance(SGD(0.1, momentum=momentum)), steps=5, max_loss=0.5)
    assert landscape.limit(lab) == pytest.approx(limit, rel=1e-3)


def test_other_optimizers_have_no_such_limit():
    lab, _, _ = laboratory_of(distance(optimizers.Adam(0.1)), steps=5, max_loss=0.5)
    assert landscape.limit(lab) is None


def test_nudges_go_both_ways_from_the_top():
    lab, _, _ = laboratory_of(two_valleys(2.0, SGD(0.02)), steps=5, max_loss=1.1)
    nudges = list(landscape.nudges(lab))
    assert {nudge.code for nudge in nudges} == {"saddle-point"}
    (w,) = lab.training.trainable
    moved = [float(nudge.start(lab.training, {})[id(w)]) - 2.0 for nudge in nudges]
    assert len(moved) == 4
    assert min(moved) < 0 < max(moved)
    assert sorted(map(abs, moved)) == pytest.approx([0.02, 0.02, 0.2, 0.2], rel=1e-3)


def test_where_nothing_bends_down_the_start_is_shaken():
    lab, _, _ = laboratory_of(distance(SGD(0.1)), steps=5, max_loss=0.5)
    assert all("another start" in nudge.change for nudge in landscape.nudges(lab))


@pytest.mark.parametrize(
    ("losses", "gauge", "unstable", "cause"),
    [
        ([1.0, 0.99], 0.5, False, "plateau"),
        ([1.0, 0.5], 0.99, False, "plateau"),
        ([1.0, 0.5], 0.5, False, "learning-rate-too-low"),
        ([1.0, 9.0], -3.0, True, "learning-rate-too-high"),
    ],
)
def test_what_an_escape_by_adam_means(losses, gauge, unstable, cause):
    clues = Clues(rate=0.1, unstable=unstable)
    assert landscape.cause_of_an_escape(record_of(losses), clues, gauge) == cause


def test_other_seeds_that_do_no_better_are_no_local_minimum():
    x, y = linear(0)
    start = fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse"), x, y)
    lab, trials, _ = laboratory_of(start, steps=20, max_loss=1e-9)
    assert landscape.other_starts(lab, trials) is None
    assert trials.done["other seeds"].passed == 0
