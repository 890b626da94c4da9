"""Starts without a slope are plateaus whatever cures them; ends at rest lack no rate."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.diagnosis import flat
from pytest_converge.diagnosis.clues import gather
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, distance, laboratory_of, two_valleys
from tests.zoo.problems import minimize

SGD = optimizers.SGD


def step_up(begin, rate=0.2):
    """A steep soft step from 0 to 1 whose place is looked for; beyond the rows it is flat."""
    x = tf.linspace(-1.0, 1.0, 100)
    y = tf.cast(x > 0.2, tf.float32)
    w = tf.Variable(begin)
    return minimize(lambda: tf.reduce_mean((tf.sigmoid(12 * (x - w)) - y) ** 2), [w], SGD(rate))


def flatness_of(start, steps=50):
    lab, _, record = laboratory_of(start, steps=steps, max_loss=1e-9)
    return flat.flat_start(lab, record, gather(lab, record))


def test_a_start_beyond_all_rows_has_no_slope():
    found = flatness_of(step_up(3.0))
    assert found.own < 1e-9
    assert found.usual > 1e-3
    assert "gradient norm of" in found.message


@pytest.mark.parametrize(
    "start",
    [
        lambda: step_up(0.6),
        lambda: distance(SGD(1e-7)),
        lambda: two_valleys(2.0, SGD(0.02)),
        lambda: distance(SGD(0.1), tf.Variable(2.5)),
    ],
    ids=["a slope", "a rate far too low", "a saddle point", "a minimum"],
)
def test_other_runs_that_stand_still_are_no_plateau(start):
    assert flatness_of(start()) is None


def test_the_escape_from_a_flat_start_is_a_plateau():
    found = diagnosis_of(step_up(3.0), steps=200, max_loss=0.05)
    assert (found.cause, found.proven) == ("plateau", True)
    assert "no slope" in found.message
    assert "another start" in found.verified[0].change


def test_a_flat_start_that_nothing_leaves_is_no_floor():
    w = tf.Variable([60.0])
    start = minimize(lambda: 1 - tf.reduce_mean(tf.exp(-(w**2))) + 0.5, [w], SGD(0.1))
    found = diagnosis_of(start, steps=50, max_loss=0.3)
    assert (found.cause, found.proven, found.floor) == ("plateau", False, None)


def test_starts_are_drawn_near_first_and_around_zero_too():
    changes = [change.change for change in flat.escapes()]
    assert len(changes) == len(set(changes)) == 4 * flat.DRAWS
    assert changes[0] == "another start (spread 0.3, seed 0)"
    assert changes[flat.DRAWS] == "another start around 0 (spread 0.3, seed 0)"


def record_of_norms(norms, **fields):
    curve = LossCurve(
        steps=tuple(range(1, len(norms) + 1)),
        batch_loss=(1.0,) * len(norms),
        gradient_norm=tuple(norms),
    )
    return TrainingRecord(seed=0, curve=curve, **fields)


@pytest.mark.parametrize(
    ("norms", "expected"),
    [([1.0, 3.0, 1e-3], True), ([1.0, 3.0, 0.1], False), ([0.0, 0.0], True)],
)
def test_a_run_whose_gradient_is_gone_came_to_rest(norms, expected):
    assert flat.came_to_rest(record_of_norms(norms)) is expected


def test_what_cannot_be_seen_did_not_come_to_rest():
    assert not flat.came_to_rest(record_of([1.0, 0.5]))
    bad = (NonFinite(what="loss", name="nan"),)
    assert not flat.came_to_rest(record_of_norms([1.0, 0.0], nonfinite=bad))


def test_a_leap_over_the_hill_is_another_valley_and_no_higher_rate():
    """Adam at 0.02 ends in the higher valley, at rest; from 100 times the rate on it jumps."""
    t = tf.linspace(0.0, 10.0, 300)
    signal = tf.exp(-2 * (t - 2) ** 2) + 0.6 * tf.exp(-2 * (t - 6) ** 2)
    w = tf.Variable(6.47)
    loss = lambda: 10 * tf.reduce_mean((tf.exp(-2 * (t - w) ** 2) - signal) ** 2)  # noqa: E731
    found = diagnosis_of(minimize(loss, [w], optimizers.Adam(0.02)), steps=250, max_loss=0.45)
    assert found.cause == "local-minimum"
    rates = [trial for trial in found.tried if trial.code == "learning-rate-too-low"]
    assert any(trial.passed for trial in rates)
