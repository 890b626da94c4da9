"""The scale of the inputs, as a record keeps it."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.input_scales import MOST_COLUMNS, MOST_ROWS, input_scales
from tests.measured import left_alone
from tests.zoo.problems import fit, minimize, sequential
from tests.zoo.trainings import running


def scales(x, *parts):
    model = sequential(*parts, optimizer=keras.optimizers.SGD(0.1), loss="mse")
    training = running(fit(model, x, np.zeros((len(x), 1), "float32")), steps=5).training
    with left_alone(training):
        return input_scales(training)


def columns(rows, *sizes):
    return np.random.default_rng(0).normal(size=(rows, len(sizes))).astype("float32") * sizes


def test_the_most_extreme_columns_come_first_and_the_rule_marks_those_that_are_too_large():
    found = scales(columns(300, 1, 0.01, 500, 5).astype("float32"), layers.Dense(1))
    assert [(c.name, c.unsuitable) for c in found.columns] == [
        ("x[:, 2]", True),
        ("x[:, 1]", False),
        ("x[:, 3]", False),
        ("x[:, 0]", False),
    ]
    assert 400 < found.columns[0].deviation < 600
    assert found.width == 4


def test_what_the_model_scales_itself_is_seen_behind_that():
    x = columns(300, 500, 500).astype("float32")
    normalise = layers.Normalization()
    normalise.adapt(x)
    found = scales(x, normalise, layers.Dense(1, name="head"))
    assert sorted((c.name, c.unsuitable) for c in found.columns) == [
        ("input of head[:, 0]", False),
        ("input of head[:, 1]", False),
    ]


def test_wide_and_long_data_are_cut():
    x = columns(4 * MOST_ROWS, *range(1, 101)).astype("float32")
    found = scales(x, layers.Dense(1))
    assert len(found.columns) == MOST_COLUMNS
    assert found.width == 100
    assert found.columns[0].unsuitable


def test_a_training_without_data_has_none():
    w = tf.Variable(2.0)
    start = minimize(lambda: w * w, [w], keras.optimizers.SGD(0.1))
    assert input_scales(running(start, steps=5).training) is None
