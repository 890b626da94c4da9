"""The sums of single numbers that a step makes."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.additions import additions_visited
from tests.zoo.problems import minimize, step
from tests.zoo.trainings import training_of


def doubled(w):
    return tf.reduce_sum(w) + 2.0 * tf.reduce_sum(w**2)


SUMS = {
    "operator": doubled,
    "difference": lambda w: tf.reduce_sum(w) - (-2.0 * tf.reduce_sum(w**2)),
    "several at once": lambda w: tf.add_n([tf.reduce_sum(w), 2.0 * tf.reduce_sum(w**2)]),
}


@pytest.mark.parametrize("loss", SUMS.values(), ids=SUMS)
def test_the_parts_of_a_sum_can_be_others(loss):
    w = tf.Variable([1.0, 3.0])
    training = training_of(minimize(lambda: loss(w), [w], optimizers.SGD(0.1)))
    seen = []

    def first_alone(place, kind, parts):
        seen.append((place, [abs(float(part)) for part in parts]))
        return [parts[0], 0.0 * parts[1]]

    with additions_visited(training, first_alone):
        assert float(training.probe(None)) == 4.0
        assert float(training.probe(None)) == 4.0  # counted anew in every call
    assert seen == 2 * [(0, [4.0, 20.0])]
    assert float(training.probe(None)) == 24.0


@pytest.mark.parametrize("compiled", [False, True])
def test_what_an_optimizer_adds_and_what_has_axes_is_left_alone(compiled):
    w = tf.Variable([1.0, 3.0])
    adam = optimizers.Adam(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = doubled(w + 0.0)
        adam.apply([tape.gradient(loss, w)], [w])
        return loss + 1.0

    start = step(tf.function(train_step) if compiled else train_step, variables=[w], optimizer=adam)
    training, places = training_of(start), []

    def note(place, kind, parts):
        places.append((place, kind))
        return parts

    with additions_visited(training, note), training.traced_anew():
        training.step(None)
    assert places == [(0, "AddV2"), (1, "AddV2")]
