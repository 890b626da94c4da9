"""Angles in radians for sines and cosines that are given degrees."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from pytest_converge.training.interventions.radians import radians
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.training.measures.test_degrees import HEADINGS, headings, wind
from tests.zoo.trainings import quiet, running, training_of


def change_of(run):
    return radians(computation(run.training).degrees)


@pytest.mark.parametrize("start", [headings, wind])
def test_degrees_are_read_as_such_meanwhile(start):
    run = running(start(), steps=200)
    before = run.run(0).curve.last
    with left_alone(run.training):
        change = change_of(run)
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert before > 0.4
    assert after < 0.01
    assert computation(run.training).degrees


def test_only_what_is_in_degrees_is_changed():
    def mixed(angles):
        turned = angles * np.float32(np.pi / 180)
        return ops.concatenate([ops.sin(turned), ops.sin(angles)], axis=1)

    training = training_of(headings(mixed))
    layer = training.model.get_layer("directions")
    x = HEADINGS[:4]
    with radians(computation(training).degrees).variant(training):
        inside = np.asarray(layer(x))
    expected = np.sin(np.deg2rad(x))
    np.testing.assert_allclose(inside, np.concatenate([expected, expected], axis=1), atol=1e-4)
    np.testing.assert_allclose(np.asarray(layer(x))[:, 2:], np.sin(x), atol=1e-4)


def in_lines(angles):
    turned = ops.cos(angles)
    return turned + ops.sin(angles[:, :1] + 90.0)


def two_in_a_line(angles):
    return ops.cos(angles) * ops.cos(1e-3 * angles)


def tangent(angles):
    return tf.tan(angles)


WORDS = "cos reads radians and is given numbers up to 180"


@pytest.mark.parametrize(
    ("function", "lines", "fault"),
    [
        (
            in_lines,
            [
                "turned = ops.cos(angles * np.pi / 180)",
                "return turned + ops.sin((angles[:, :1] + 90.0) * np.pi / 180)",
            ],
            "sin and cos read radians and are given numbers up to 270",
        ),
        (two_in_a_line, ["x = np.deg2rad(x)"], WORDS),
        (ops.cos, ["x = np.deg2rad(x)"], WORDS),
        (lambda angles: ops.cos(angles[:, 1:]), ["tf.cos(x * np.pi / 180)"], WORDS),
        (tangent, ["return tf.tan(angles * np.pi / 180)"], WORDS.replace("cos", "tan")),
    ],
    ids=["lines", "two in a line", "function of Keras", "a part, in a lambda", "tangent"],
)
def test_the_line_is_that_of_the_user_or_of_the_array(function, lines, fault):
    change = change_of(running(headings(function)))
    assert [line.partition("  #")[0] for line in change.fix.splitlines()] == lines
    assert change.where == ("directions",)
    assert change.fault == fault


def test_a_line_of_a_step_is_its_own():
    change = change_of(running(wind()))
    line = "loss = tf.reduce_mean((tf.sin(x * np.pi / 180) @ w - y) ** 2)"
    assert change.fix.partition("  #")[0] == line
    assert change.where == ()
