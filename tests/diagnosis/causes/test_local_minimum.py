"""A local minimum: a word that is earned by restarts, or by a leap over the hill."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.diagnosis.causes.local_minimum import came_to_rest, other_starts
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, failed_of, two_valleys
from tests.zoo.problems import fit, linear, minimize, sequential

SGD = optimizers.SGD


def test_the_higher_valley_is_a_local_minimum():
    found = diagnosis_of(two_valleys(3.0, SGD(0.02), tilt=0.5), steps=100, max_loss=0.6)
    assert found.cause == "local-minimum"
    assert found.proven
    assert found.verified[0].change.endswith(" lower")
    assert found.fix.startswith("w.assign_add(-")
    assert found.verified[0].losses[0] < 0.3
    longer = [trial for trial in found.tried if trial.code == "too-few-steps"]
    assert longer
    assert not any(trial.passed for trial in longer)


def test_a_lower_valley_that_misses_the_target_too_is_no_repair():
    failed = failed_of(two_valleys(3.0, SGD(0.02), tilt=0.5), steps=100, max_loss=-5.0)
    answer = other_starts(failed)
    assert not answer.trial.passed
    assert answer.message.startswith("this start leads to a local minimum: from another start (")
    assert answer.message.endswith(", lower than any other run, and misses the target as well")


def two_populations(means):
    """A mixture of two normal densities, by maximum likelihood."""
    data = np.concatenate([np.linspace(-2.4, -1.6, 40), np.linspace(2.0, 3.0, 50)])
    mean, spread = tf.Variable(np.array(means), name="mean"), tf.Variable([1.0, 1.0], name="spread")

    def loss():
        deviation = (data[:, None] - mean) / tf.cast(spread, mean.dtype)
        density = -0.5 * deviation**2 - tf.math.log(tf.cast(spread, mean.dtype))
        return tf.cast(-tf.reduce_mean(tf.reduce_logsumexp(density, axis=1)), "float32")

    return minimize(loss, [mean, spread], SGD(0.05))


def test_numbers_that_begin_alike_never_part():
    found = diagnosis_of(two_populations([0.4, 0.4]), steps=200, max_loss=0.5)
    assert found.cause == "saddle-point"
    assert found.proven
    assert found.message.startswith("the numbers of mean, spread begin alike and get the same")
    assert "for n, v in enumerate(" in found.fix


def test_numbers_that_begin_apart_have_another_cause():
    found = diagnosis_of(two_populations([0.4, 0.5]), steps=60, max_loss=0.5)
    assert "begin alike" not in found.message


def test_other_seeds_that_do_no_better_are_no_local_minimum():
    x, y = linear(0)
    start = fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse"), x, y)
    failed = failed_of(start, steps=20, max_loss=1e-9)
    assert other_starts(failed) is None
    others = failed.trials.done["other seeds"]
    assert others.passed == 0
    # The whole probe set is read at the end, a part of it at the checkpoints.
    assert others.course[-1] == (20, pytest.approx(others.losses[0], rel=0.5))


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
    assert came_to_rest(record_of_norms(norms)) is expected


def test_what_cannot_be_seen_did_not_come_to_rest():
    assert not came_to_rest(record_of([1.0, 0.5]))
    bad = (NonFinite(what="loss", name="nan"),)
    assert not came_to_rest(record_of_norms([1.0, 0.0], nonfinite=bad))


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


def test_of_few_numbers_starts_far_off_are_tried_where_no_near_one_leads_on():
    """Stripes that match again at every period, and a stain that matches once."""
    rows, columns = (tf.constant(each, "float32") for each in np.mgrid[:24, :24])
    shift = tf.Variable([0.0, 0.0], name="shift")

    def cloth(row, column):
        stripes = tf.cos(2 * np.pi * column / 6) / 2 + 0.3 * tf.cos(2 * np.pi * row / 8)
        return stripes + tf.exp(-((row - 12) ** 2 + (column - 8) ** 2) / 18)

    def loss():
        moved = cloth(rows - shift[0], columns - shift[1])
        return tf.reduce_mean((moved - cloth(rows - 7.6, columns - 11.4)) ** 2)

    start = minimize(loss, [shift], optimizers.Adam(0.05))
    found = diagnosis_of(start, steps=250, max_loss=0.05)
    assert (found.cause, found.proven) == ("local-minimum", True)
    assert "another start (spread " in found.verified[0].change
