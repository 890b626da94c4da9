"""A saddle point: a word that is earned by a nudge that escapes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.diagnosis.causes import saddle_point
from tests.diagnosis.programs import diagnosis_of, distance, failed_of, two_valleys
from tests.zoo.problems import HEALTHY, minimize

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


def pass_in_the_fog(steepness=2.0):
    """Down to a pass on its ridge; rounding alone tells the two valleys behind it apart."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0].astype("float32")
    w = tf.Variable(turn[0])

    def height():
        x, y, z = tf.unstack(tf.linalg.matvec(turn, w))
        return steepness * x**2 + z**2 - y**2 + 0.25 * y**4 + 20.0

    return minimize(height, [w], SGD(0.1))


def test_a_saddle_point_is_one_where_rounding_leads_off_it_in_time():
    found = diagnosis_of(pass_in_the_fog(), steps=60, max_loss=19.5)
    assert (found.cause, found.proven) == ("saddle-point", True)
    longer = failed_of(pass_in_the_fog(), steps=150, max_loss=19.5)
    assert longer.record.curve.last < 19.1


def test_a_run_that_is_on_its_way_has_not_rested():
    assert saddle_point._rested(failed_of(pass_in_the_fog(), steps=60, max_loss=19.5))
    for start in (pass_in_the_fog(0.01), two_valleys(2.2, SGD(1e-4)), distance(SGD(0.1))):
        assert not saddle_point._rested(failed_of(start, steps=60, max_loss=-1.0))


def test_batches_are_never_at_rest():
    assert not saddle_point._rested(failed_of(HEALTHY[0].start(0), steps=5, max_loss=1e-9))
