"""Starts without a slope are plateaus whatever cures them, and what Adam leaves may be one."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes import plateau
from pytest_converge.diagnosis.evidence import DRAWS, Evidence, usual_gradient
from tests.checks.curves import record_of
from tests.diagnosis.programs import (
    diagnosis_of,
    distance,
    failed_of,
    proven_by_its_own,
    two_valleys,
)
from tests.zoo.problems import fit, linear, minimize, sequential

SGD = optimizers.SGD


def step_up(begin, rate=0.2):
    """A steep soft step from 0 to 1 whose place is looked for; beyond the rows it is flat."""
    x = tf.linspace(-1.0, 1.0, 100)
    y = tf.cast(x > 0.2, tf.float32)
    w = tf.Variable(begin)
    return minimize(lambda: tf.reduce_mean((tf.sigmoid(12 * (x - w)) - y) ** 2), [w], SGD(rate))


def flatness_of(start, steps=50):
    failed = failed_of(start, steps=steps, max_loss=1e-9)
    rate, guard = failed.evidence.rate, failed.trials.guard
    return failed, usual_gradient(failed.reruns, failed.record, rate, guard)


def test_a_start_beyond_all_rows_has_no_slope():
    failed, usual = flatness_of(step_up(3.0))
    assert failed.record.curve.gradient_norm[0] < 1e-9
    assert usual > 1e-3
    failed.evidence = Evidence(rate=0.2, usual_gradient=usual)
    assert "gradient norm of" in plateau.without_slope(failed)


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
    failed, usual = flatness_of(start())
    assert usual is None
    assert plateau.without_slope(failed) == ""


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


def spots(width):
    """Two spots in a picture: far apart, their difference has no slope."""
    rows, columns = (tf.constant(a, tf.float32) for a in np.mgrid[:64, :64])
    shift = tf.Variable([0.0, 0.0], name="shift")

    def spot(row, column):
        return tf.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))

    def loss():
        moved = spot(12.0 + shift[0], 15.0 + shift[1])
        return tf.reduce_sum((moved - spot(48.0, 45.0)) ** 2) / (3.14159 * width**2)

    return minimize(loss, [shift], SGD(3.0))


def test_a_start_without_any_slope_is_begun_farther_off():
    found = diagnosis_of(spots(3.0), steps=300, max_loss=0.1)
    assert (found.cause, found.proven) == ("plateau", True)
    assert found.fix == "shift.assign_add(tf.fill(shift.shape, 30.0))"
    assert "the loss has no slope along shift at the start" in found.message


def star(row, column):
    """A star rendered far from the one in the frame: both hardly overlap."""
    rows, columns = (tf.constant(each, "float32") for each in np.mgrid[:48, :48])
    row, column = tf.Variable(row, name="row"), tf.Variable(column, name="column")

    def rendered(at, across):
        return tf.exp(-((rows - at) ** 2 + (columns - across) ** 2) / 8.0)

    frame = rendered(11.0, 34.0)
    loss = lambda: tf.reduce_sum((rendered(row, column) - frame) ** 2)  # noqa: E731
    return minimize(loss, [row, column], SGD(0.05))


def test_of_few_numbers_some_are_begun_higher_and_some_lower():
    found = diagnosis_of(star(38.0, 9.0), steps=150, max_loss=0.5)
    assert (found.cause, found.proven) == ("plateau", True)
    assert found.fix == "row.assign_add(-30.0)\ncolumn.assign_add(30.0)"
    assert found.message.endswith("with row begun 30 lower, column begun 30 higher")


def test_steps_that_are_far_too_short_are_no_plain():
    slow = star(14.0, 31.0)
    slow.arguments["optimizer"].learning_rate = 1e-7
    assert diagnosis_of(slow, steps=150, max_loss=0.5).cause == "learning-rate-too-low"


def test_a_plain_that_no_start_leaves_is_no_floor(monkeypatch):
    monkeypatch.setattr(plateau, "DISTANCES", ())
    found = diagnosis_of(spots(3.0), steps=50, max_loss=0.1)
    assert (found.cause, found.proven, found.floor) == ("plateau", False, None)
    assert found.message.startswith("the loss has no slope along shift at the start")


def test_a_plain_of_many_numbers_is_no_floor():
    w = tf.Variable(tf.zeros(20))
    start = minimize(lambda: 1.5 - tf.reduce_mean(tf.exp(-((w - 60.0) ** 2))), [w], SGD(0.1))
    found = diagnosis_of(start, steps=50, max_loss=0.6)
    assert (found.cause, found.floor) == ("unknown", None)
    assert "max_loss" not in found.fix


def test_starts_are_drawn_near_first_and_around_zero_too():
    changes = [change.change for change in plateau.escapes()]
    assert len(changes) == len(set(changes)) == 4 * DRAWS
    assert changes[0] == "another start (spread 0.3, seed 0)"
    assert changes[DRAWS] == "another start around 0 (spread 0.3, seed 0)"


def test_a_flat_start_that_adam_leaves_is_a_plateau():
    w = tf.Variable([3.5, 3.5])
    start = minimize(lambda: 1 - tf.exp(-0.5 * tf.reduce_sum(w**2)), [w], SGD(0.2))
    found = diagnosis_of(start, steps=150, max_loss=0.2)
    assert found.cause in ("plateau", "learning-rate-too-low")
    assert found.proven


@pytest.mark.parametrize(
    ("losses", "gauge", "unstable", "cause"),
    [
        ([1.0, 0.99], 0.5, False, "plateau"),
        ([1.0, 0.5], 0.99, False, "plateau"),
        ([1.0, 0.5], 0.5, False, "learning-rate-too-low"),
        ([1.0, 9.0], -3.0, True, "learning-rate-too-high"),
        ([1.0, 1.01], 0.999, True, "learning-rate-too-low"),
    ],
)
def test_what_an_escape_by_adam_means(losses, gauge, unstable, cause):
    evidence = Evidence(rate=0.1, unstable=unstable, rose=unstable, gauge=gauge)
    failed = types.SimpleNamespace(record=record_of(losses), evidence=evidence)
    assert plateau.cause_of_an_escape(failed) == cause


def lengths(start, *, given=False):
    """Smooth values of points hundreds apart, by their distances over a length that is learnt."""
    points = np.linspace(0.0, 3000.0, 25)
    y = tf.constant(np.sin(points / 400.0)[:, None], tf.float32)
    squares = tf.constant((points[:, None] - points) ** 2, tf.float32)
    length = tf.Variable(start, name="length") if given else tf.Variable(start)
    weights = tf.Variable(tf.ones((25, 1)))

    def loss():
        near = tf.exp(-0.5 * squares / length**2)
        # Each point by the others: if none is near, there is nothing to learn.
        others = near - tf.linalg.diag(tf.linalg.diag_part(near))
        others = others / (tf.reduce_sum(others, axis=1, keepdims=True) + 1e-6)
        return tf.reduce_mean((others @ y - y) ** 2) + 0.01 * tf.reduce_sum(weights**2)

    return minimize(loss, [length, weights], optimizers.Adam(0.5))


@pytest.mark.parametrize("given", [True, False])
def test_a_number_along_which_the_loss_has_no_slope_is_begun_farther_off(given):
    found = diagnosis_of(lengths(1.0, given=given), steps=200, max_loss=0.05, min_decrease=0.0)
    assert (found.cause, found.proven) == ("plateau", True)
    assert "no slope along length at the start" in found.message
    assert found.fix == "length.assign_add(30.0)"


def arrival(begin, **changed):
    """The place of a pulse of known shape, which is looked for along a series."""
    clock = np.arange(0.0, 8.0, 0.02).astype("float32")

    def pulse(moments, ops):
        return ops.exp(-((4.0 * moments) ** 2)) * ops.cos(12.0 * moments)

    trace, place = pulse(clock - 6.17, np), tf.Variable(begin, name="place")
    loss = lambda: 10.0 * tf.reduce_mean((pulse(clock - place, tf) - trace) ** 2)  # noqa: E731
    return minimize(loss, [place], SGD(**{"learning_rate": 0.005, **changed}))


def test_a_start_far_from_a_narrow_valley_is_begun_in_it():
    found = diagnosis_of(arrival(1.0), steps=150, max_loss=0.02)
    assert (found.cause, found.proven) == ("plateau", True)
    assert found.message.startswith(
        "the start is far from where the loss falls: along place it is lowest at 6."
    )
    assert found.fix.startswith("place.assign_add(5.")


def test_a_rate_that_is_too_low_is_no_start_far_off():
    found = diagnosis_of(distance(SGD(1e-6)), steps=100, max_loss=0.67)
    assert found.cause == "learning-rate-too-low"


def welsch(y, p):
    return tf.reduce_mean(1 - tf.exp(-0.5 * ((y - p) / 0.6) ** 2), axis=-1)


def far_targets(middle, rate=0.1):
    x, y = linear(0)
    parts = [layers.Dense(16, "relu"), layers.Dense(1, name="out")]
    model = sequential(*parts, optimizer=SGD(rate, momentum=0.9), loss=welsch, shape=(4,))
    return fit(model, x, middle + 0.2 * y)


def test_an_output_far_from_its_targets_is_begun_among_them():
    found = proven_by_its_own(far_targets(9.0), "plateau", steps=200, max_loss=0.3)
    assert found.message.startswith(
        "the loss has no slope where the outputs begin: the targets lie"
    )
    assert found.fix.startswith(
        "keras.layers.Dense(1, bias_initializer=keras.initializers.Constant("
    )
    assert found.where == ("out",)


def test_an_output_among_its_targets_stays():
    failed = failed_of(far_targets(0.0, rate=1e-9), steps=20, max_loss=1e-6)
    assert plateau.looks_stationary(failed.record)
    assert [*plateau._among_targets(failed)] == []
