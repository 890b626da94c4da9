"""Rows of `validation_data` among those that are trained on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.measures import held_out_overlap as measure
from pytest_converge.training.measures.held_out_overlap import held_out_overlap
from tests.measured import left_alone
from tests.zoo.problems import Start
from tests.zoo.trainings import judged, training_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def build():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def start(held_out, x=X, y=Y):
    return Start("fit", {"model": build, "x": x, "y": y, "validation_data": held_out})


def found(*given, **data):
    training = training_of(start(*given, **data), steps=30)
    with left_alone(training):
        return held_out_overlap(training)


DATASET = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(200).batch(16)


@pytest.mark.parametrize("held_out", [(X[:50], Y[:50]), DATASET.take(4)])
@pytest.mark.parametrize("source", [{}, {"x": DATASET, "y": None}])
def test_rows_in_both_are_counted(held_out, source):
    overlap = found(held_out, **source)
    assert overlap.shared == overlap.rows >= 50
    assert overlap.is_no_chance


def test_other_rows_are_not():
    overlap = found((X + 1, Y))
    assert (overlap.shared, overlap.is_no_chance) == (0, False)


def test_of_many_rows_every_so_many_are_looked_at(monkeypatch):
    monkeypatch.setattr(measure, "MOST_VALUES", 300)
    overlap = found((X, Y))
    assert overlap.shared == 100
    assert overlap.is_no_chance


def test_nothing_is_known_without_rows_held_out_or_in_arrays():
    assert found(None) is None
    endless = tf.data.Dataset.from_tensors(tf.ragged.constant([[1.0], [1.0, 2.0]]))
    assert measure._inputs(next(iter(endless))) == []


def test_a_training_that_passes_has_the_note():
    leaked = judged(start((X[:50], Y[:50])), steps=30)
    assert leaked.passed
    assert [note.code for note in leaked.findings] == ["validation-overlap"]
    assert judged(start((X + 1, Y)), steps=30).findings == ()
