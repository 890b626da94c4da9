"""Rectifiers and clips that are at their edge throughout, with their input moved there."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.moved_rectifiers import MOVED, moved
from pytest_converge.training.measures.computation import computation
from pytest_converge.training.measures.dead_operations import KINDS, DeadOperation
from pytest_converge.training.measures.first_step import first_step
from tests.training.interventions.trainings import written
from tests.training.measures.steps import regression
from tests.zoo.problems import minimize
from tests.zoo.trainings import training_of

X = tf.constant([-21.0, -19.0])
FUNCTIONS = {
    "keras.ops.relu": ("Relu", lambda x: keras.ops.relu(x)),  # noqa: PLW0108 - looked up when called
    "relu6": ("Relu6", lambda x: tf.nn.relu6(x)),  # noqa: PLW0108 - looked up when called
    "maximum": ("Maximum", lambda x: tf.maximum(x, 0.0)),
    "maximum of 0": ("Maximum", lambda x: tf.maximum(0.0, x)),
}


def dead(kind, *, number=0, of=1, middle=-20.0):
    return DeadOperation(
        kind=kind,
        layer="",
        number=number,
        of=of,
        edge=0.0,
        nearest=-19.0,
        middle=middle,
        where=("w",),
    )


def closure():
    w = tf.Variable(1.0)
    return training_of(minimize(lambda: w**2, [w], optimizers.SGD(0.1)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_half_of_the_numbers_are_above_0(name):
    kind, function = FUNCTIONS[name]
    change = moved(written(), [dead(kind)], "mine")
    assert not function(X).numpy().any()
    with change.variant(closure()):
        np.testing.assert_array_equal(function(X), [0, 1])
    assert not function(X).numpy().any()
    np.testing.assert_array_equal(eval(change.fix, {"tf": tf, "x": X}), [0, 1])  # noqa: S307
    assert change.fix.endswith("# in mine")


def test_only_that_one_of_several_is_moved():
    with moved(written(), [dead("Relu", number=1, of=2)], "").variant(closure()):
        found = [tf.nn.relu(X).numpy().any() for _ in range(4)]
    assert found == [False, True, False, True]


def test_whole_numbers_are_left_as_they_are():
    with moved(written(), [dead("Maximum")], "").variant(closure()):
        assert int(tf.maximum(tf.constant(3), 0)) == 3
        np.testing.assert_array_equal(tf.maximum(X, 0.0), [0, 1])


def test_an_optimizer_clips_its_gradients_as_before():
    """By a maximum of norms."""
    w = tf.Variable(1.0)
    optimizer = optimizers.SGD(0.1, clipnorm=0.5)
    training = training_of(minimize(lambda: w**2, [w], optimizer))
    with moved(written(), [dead("Maximum")], "").variant(training):
        training.step(None)
    assert float(w.numpy()) == pytest.approx(0.95)


def test_two_of_one_line_are_moved_alike():
    place = ("test_mine.py", 3)
    two = [dataclasses.replace(dead("Relu", middle=m), place=place) for m in (-7.0, -8.0)]
    change = moved(written(), two, "mine")
    assert change.change == "8 added in front of it"
    assert change.fix == "tf.nn.relu(x + 8)  # in mine"


def test_what_is_fed_with_zeros_cannot_be_moved():
    assert moved(written(), [dead("Relu", middle=0.0)], "") is None
    assert set(MOVED) == set(KINDS)


def clipped_of(x):
    return keras.ops.clip(x, 20.0, 60.0)


def test_a_clip_is_moved_to_its_edge():
    parts = [layers.Lambda(clipped_of, name="clipped")]
    run = training_of(regression(layers.Dense(1, name="first"), *parts))
    seen = computation(run)
    before = first_step(run)
    change = moved(run, seen.dead, seen.loss)
    assert change.fix.startswith("return keras.ops.clip(x + ")
    assert change.fault == "the maximum with 20 in clipped is 20 for every row at the start"
    after = first_step(run, lambda: change.variant(run))
    assert not after.same_end(before)
