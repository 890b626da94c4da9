"""Batch normalisation that has something to normalise."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pytest_converge.training.interventions import batch_statistics
from tests.training.interventions.trainings import regression, written
from tests.zoo.trainings import training_of


def test_batches_are_larger_and_hold_rows_in_random_order():
    rows = training_of(regression()).rows_in_memory
    change = batch_statistics.larger_batches(("bn",))
    other = change.data(rows.in_batches_of(1))
    assert (other.batch_size, other.steps) == (16, rows.steps)
    first = np.asarray(next(other.batches())[0])
    assert len(first) == 16
    assert not np.array_equal(first, rows.arrays[0][:16])
    assert change.where == ("bn",)


def test_layers_are_called_in_training_mode_meanwhile():
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(name="bn")])
    x = np.arange(8, dtype="float32").reshape(2, 4)
    change = batch_statistics.in_training_mode(written(model), ("bn",))
    with change.variant(None):
        assert np.allclose(np.asarray(model(x)).mean(axis=0), 0.0, atol=1e-5)
    assert not np.allclose(np.asarray(model(x)).mean(axis=0), 0.0, atol=1e-5)
