"""Windows and strides that leave as many frames as the labels of a CTC loss need."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.training.interventions.more_frames import has_ctc, more_frames
from pytest_converge.training.measures.frames import frames_and_labels
from tests.zoo.problems import fit
from tests.zoo.trainings import running

#: Five labels a row, no two neighbours alike.
LABELS = np.tile([1, 2, 3, 1, 2], (6, 1))


def own(y, outputs):
    return keras.ops.mean(keras.losses.ctc(y, outputs))


def training_of(*parts, shape=(24, 3), loss="ctc"):
    model = keras.Sequential([keras.Input(shape), *parts, layers.Dense(4)])
    model.compile(optimizers.Adam(0.01), loss)
    x = np.random.default_rng(0).normal(size=(len(LABELS), *shape)).astype("float32")
    return running(fit(model, x, LABELS), steps=3).training


def changes(training):
    return more_frames(training, frames_and_labels(training))


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([layers.MaxPooling1D(8)], ["MaxPooling1D(pool_size=2)", "MaxPooling1D(pool_size=4)"]),
        (
            [layers.AveragePooling1D(2), layers.MaxPooling1D(4, name="last")],
            ['MaxPooling1D(pool_size=1, name="last")', 'MaxPooling1D(pool_size=2, name="last")'],
        ),
        (
            [layers.MaxPooling1D(9, strides=6, padding="same")],
            [
                'MaxPooling1D(pool_size=(9,), strides=2, padding="same")',
                'MaxPooling1D(pool_size=(9,), strides=4, padding="same")',
            ],
        ),
        (
            [layers.Conv1D(2, 3, strides=8, padding="same")],
            [
                'Conv1D(2, (3,), strides=2, padding="same"',
                'Conv1D(2, (3,), strides=4, padding="same"',
            ],
        ),
    ],
    ids=["pooling", "the larger", "strides of a window", "strides"],
)
def test_factors_become_smaller(parts, lines):
    training = training_of(*parts)
    before = frames_and_labels(training)
    found = changes(training)
    assert len(found) == len(lines)
    for change, line in zip(found, lines, strict=True):
        assert change.fix.startswith(f"keras.layers.{line}")
        with change.variant(training):
            after = frames_and_labels(training)
        assert after.short == 0
        assert change.change.startswith(f"{after.given} frames by ")
        assert change.fault.startswith(f"CTC gets {before.given} frames for labels that need up to")
    assert frames_and_labels(training) == before


def test_of_pictures_the_axis_that_becomes_the_frames_is_looked_for():
    parts = [layers.MaxPooling2D((8, 2)), layers.TimeDistributed(layers.Flatten())]
    first, second = changes(training_of(*parts, shape=(24, 4, 2)))
    assert first.fix.startswith("keras.layers.MaxPooling2D(pool_size=2)")
    assert second.fix.startswith("keras.layers.MaxPooling2D(pool_size=(4, 2))")


def test_what_takes_a_fixed_number_of_steps_is_left_alone():
    parts = [layers.MaxPooling1D(8), layers.Reshape((3, 3))]
    assert changes(training_of(*parts)) == []


def test_rows_that_are_too_short_from_the_start_have_no_remedy():
    assert changes(training_of(layers.MaxPooling1D(2), shape=(4, 3))) == []


@pytest.mark.parametrize(
    ("loss", "named"), [("ctc", True), (own, True), ("mse", False)], ids=["Keras", "own", "other"]
)
def test_a_ctc_loss_is_known_by_name(loss, named):
    model = keras.Sequential([keras.Input((6, 3)), layers.Dense(4)])
    model.compile(optimizers.Adam(0.01), loss)
    y = LABELS if named else np.ones((6, 6, 4), "float32")
    x = np.random.default_rng(0).normal(size=(6, 6, 3)).astype("float32")
    assert has_ctc(running(fit(model, x, y), steps=3).training) is named
