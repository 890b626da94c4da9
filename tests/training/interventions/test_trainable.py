"""Variables that are not trained."""

from __future__ import annotations

import tensorflow as tf

from pytest_converge.training.interventions import (
    trainable,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from tests.training.interventions.trainings import SGD, STEPS, frozen, regression
from tests.zoo.problems import minimize, step
from tests.zoo.trainings import quiet, running


def test_frozen_finds_layers_and_variables():
    start = frozen()
    found, _ = trainable.frozen(start.arguments["model"])
    assert [layer.name for layer in found] == [start.arguments["model"].layers[0].name]
    assert trainable.frozen(regression().arguments["model"])[0] == []


def test_nothing_is_left_out_where_all_is_trained():
    w = tf.Variable([1.0, 2.0])
    training = running(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), steps=STEPS).training
    assert trainable.all_read(training) is None


def test_a_step_that_leaves_variables_out_updates_every_given_one():
    w, b = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = SGD(0.1)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = (w - 3.0) ** 2 + (b - 5.0) ** 2
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    run = running(step(train_step, variables=[w, b], optimizer=optimizer), steps=40)
    run.run(0)
    reruns = Reruns(run, 0, quiet)
    assert len(reruns.unmoved) == 1
    change = trainable.every_given(run.training, reruns.unmoved)
    with reruns.changed(change) as again:
        assert again(0).curve.last < 1e-3
    assert (float(w), float(b)) == (1.0, 1.0)
    with reruns.changed(Intervention(code="", change="nothing")) as again:
        assert again(0).curve.last > 15.0
