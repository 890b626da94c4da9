"""Which variables a step adds its gradients up in."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.measures.accumulation import accumulated
from pytest_converge.training.measures.recording import recorded
from tests.training.measures.steps import total_of
from tests.zoo.problems import step
from tests.zoo.trainings import training_of


@pytest.mark.parametrize(
    ("add", "names"),
    [
        (lambda total, g: total.assign_add(g), ["total"]),
        (lambda total, g: total.assign(total + g), ["total"]),
        (lambda total, g: total.assign_add(tf.cast(g, tf.float32) / 4.0), ["total"]),
        (lambda total, g: total.assign_sub(g), ["total"]),
        (lambda total, g: total.assign(g), []),
        (lambda total, g: total.assign(0.9 * total + g), []),
        (lambda total, g: total.assign_add(g * g), []),
        (lambda total, g: total.assign_add(0.1 * (g - total)), []),
        (lambda total, g: total.assign_add(g * tf.constant([[1.0], [2.0], [0.5], [1.0]])), []),
        (lambda total, g: total.assign_add(tf.ones_like(g)), []),
    ],
    ids=[
        "added",
        "assigned",
        "scaled",
        "negative",
        "replaced",
        "momentum",
        "squares",
        "average",
        "weighted",
        "other",
    ],
)
def test_what_is_taken_for_a_total_of_gradients(add, names):
    training = training_of(total_of(add))
    found = accumulated(training, recorded(training, training.first_batch()))
    assert [variable.name.removesuffix(":0") for variable in found] == names


@pytest.mark.parametrize(
    "add",
    [
        lambda total, g: total.assign_add(tf.convert_to_tensor(g) / 4.0),
        lambda total, g: total.scatter_add(g),
        lambda total, g: total.scatter_sub(tf.IndexedSlices(0.5 * g.values, g.indices)),
    ],
    ids=["all rows", "scattered", "scaled"],
)
def test_gradients_of_rows_that_were_looked_up_are_summed_as_well(add):
    table, total = tf.Variable(tf.ones((5, 2))), tf.Variable(tf.zeros((5, 2)), name="total")
    sgd = keras.optimizers.SGD(0.1)

    def train_step(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table, ids) ** 2)
        add(total, tape.gradient(loss, table))
        sgd.apply([total], [table])
        return loss

    data = [(np.array([0, 1, 1]),)] * 3
    training = training_of(step(train_step, variables=[table], optimizer=sgd, data=data))
    found = accumulated(training, recorded(training, training.first_batch()))
    assert [variable.name.removesuffix(":0") for variable in found] == ["total"]


def test_buffers_that_are_handed_over_with_what_is_trained_are_totals_too():
    w, total = tf.Variable([1.0, 2.0], name="w"), tf.Variable([0.0, 0.0], name="total")

    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w**2)
        total.assign_add(tape.gradient(loss, w))
        w.assign_sub(0.1 * total)
        return loss

    training = training_of(step(update, variables=[w, total]))
    found = accumulated(training, recorded(training, training.first_batch()))
    assert [variable.name.removesuffix(":0") for variable in found] == ["total"]
