"""Which variables a step adds its gradients up in."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.training.measures.accumulation import accumulated
from pytest_converge.training.measures.recording import recorded
from tests.training.measures.steps import total_of
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
