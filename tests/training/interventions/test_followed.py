"""A network that never follows the one of its shapes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions.followed import followed
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.state.snapshot import Snapshot
from tests.measured import left_alone
from tests.zoo.problems import step
from tests.zoo.trainings import quiet, running


def chased():
    """A value that is to be 1 more than half of its target, which stays at 0."""
    online, target = tf.Variable([0.0, 0.0]), tf.Variable([0.0, 0.0])
    optimizer = optimizers.SGD(0.2)

    def update():
        wanted = tf.stop_gradient(1.0 + 0.5 * target)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((online - wanted) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, online), online)])
        return tf.reduce_sum((online - 2.0) ** 2)

    return step(update, variables=[online, target], optimizer=optimizer)


@pytest.mark.parametrize("place", [0, 1])
def test_it_is_brought_towards_the_other_one_in_each_step(place):
    run = running(chased(), steps=100)
    assert run.run(0).curve.last == pytest.approx(2.0, abs=0.01)
    _, target = run.training.trainable
    end = Snapshot(run.training.trainable)
    run.restart()
    with left_alone(run.training):
        change = followed(run.training, [target], "code", end=end)[place]
        assert change.fix.startswith("for old, new in zip([target], [online]): old.assign(")
        assert change.fault == "[target] never changed, while [online] of the same shapes did"
        with Reruns(run, 0, quiet).changed(change) as again:
            assert again(0).curve.last < 0.01


def test_only_what_has_the_shapes_of_the_rest_follows_it():
    run = running(chased(), steps=2)
    online, target = run.training.trainable
    end = Snapshot(run.training.trainable)
    assert followed(run.training, [], "code", end=end) == []
    assert followed(run.training, [online, target], "code", end=end) == []
    assert np.array_equal(target, [0.0, 0.0])


def test_a_teacher_stays_as_it_is():
    student, teacher = tf.Variable([0.0, 0.0]), tf.Variable([2.0, -1.0])
    optimizer = optimizers.SGD(0.001)

    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((student - teacher) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, student), student)])
        return loss

    run = running(step(update, variables=[student, teacher], optimizer=optimizer), steps=20)
    run.run(0)
    end = Snapshot(run.training.trainable)
    run.restart()
    with left_alone(run.training):
        assert followed(run.training, [teacher], "code", end=end) == []
