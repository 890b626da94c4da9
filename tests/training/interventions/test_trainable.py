"""Variables that are not trained."""

from __future__ import annotations

import tensorflow as tf

from pytest_converge.training.interventions import (
    trainable,
)
from tests.training.interventions.trainings import SGD, STEPS, frozen, regression
from tests.zoo.problems import minimize
from tests.zoo.trainings import running


def test_frozen_finds_layers_and_variables():
    start = frozen()
    found, _ = trainable.frozen(start.arguments["model"])
    assert [layer.name for layer in found] == [start.arguments["model"].layers[0].name]
    assert trainable.frozen(regression().arguments["model"])[0] == []


def test_nothing_is_left_out_where_all_is_trained():
    w = tf.Variable([1.0, 2.0])
    training = running(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), steps=STEPS).training
    assert trainable.all_read(training) is None
