"""A saddle point: a word that is earned by a nudge that escapes."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.diagnosis.causes import saddle_point
from tests.diagnosis.programs import diagnosis_of, distance, failed_of, two_valleys
from tests.zoo.problems import minimize

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


def test_two_factors_that_start_at_zero():
    u, v = tf.Variable(0.0), tf.Variable(0.0)
    start = minimize(lambda: (u * v - 1) ** 2, [u, v], SGD(0.1))
    found = diagnosis_of(start, steps=100, max_loss=0.1)
    assert found.cause == "saddle-point"
    assert found.proven


def test_nudges_go_both_ways_from_the_top():
    failed = failed_of(two_valleys(2.0, SGD(0.02)), steps=5, max_loss=1.1)
    nudges = list(saddle_point.nudges(failed))
    assert {nudge.code for nudge in nudges} == {"saddle-point"}
    (w,) = failed.training.trainable
    moved = [float(nudge.start(failed.training, {})[id(w)]) - 2.0 for nudge in nudges]
    assert len(moved) == 4
    assert min(moved) < 0 < max(moved)
    assert sorted(map(abs, moved)) == pytest.approx([0.02, 0.02, 0.2, 0.2], rel=1e-3)


def test_where_nothing_bends_down_the_start_is_shaken():
    failed = failed_of(distance(SGD(0.1)), steps=5, max_loss=0.5)
    assert all("another start" in nudge.change for nudge in saddle_point.nudges(failed))
