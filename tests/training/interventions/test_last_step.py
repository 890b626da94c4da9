"""Recurrent layers that hand on their last step alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions.last_step import last_step_of


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (layers.GRU(3, return_sequences=True, name="all"), 'keras.layers.GRU(3, name="all")'),
        (
            layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="one"), name="all"),
            'keras.layers.LSTM(3, name="forward_one")',
        ),
    ],
    ids=["one way", "both"],
)
def test_the_steps_before_the_last_are_left_out(layer, line):
    model = keras.Sequential([keras.Input((5, 2)), layer, layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32")
    every = np.asarray(model(x))
    change = last_step_of([model], "all")
    with change.variant(None):
        assert model(x).shape == (4, 1)
    np.testing.assert_array_equal(np.asarray(model(x)), every)
    assert change.fix.startswith(f"{line}  # layer ")
    assert change.where == ("all",)


def test_a_layer_that_no_model_has_stays_as_it_is():
    assert last_step_of([], "all") is None
