"""Hidden activations."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pytest_converge.training.interventions import (
    hidden,
)


def test_rectifiers_with_a_threshold_are_told_from_bounded_ones():
    kinds = [layers.ReLU(), layers.ReLU(max_value=6), layers.ReLU(threshold=6), layers.Dense(1)]
    assert hidden.shifted_rectifiers(kinds) == [kinds[2]]


def test_a_state_without_bounds_gets_tanh():
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((6, 2)),
            layers.LSTM(3, activation="relu", return_sequences=True, name="first"),
            layers.GRU(3, name="second"),
            layers.Dense(1),
        ]
    )
    change = hidden.bounded_states(net.layers, "exploding-gradient")
    x = np.ones((1, 6, 2), "float32")
    before = net(x).numpy()
    assert change.where == ("first",)
    assert change.fault == "the state of first grows from step to step under relu"
    layer, _, where = change.fix.partition("  # ")
    assert layer == 'keras.layers.LSTM(3, return_sequences=True, name="first")'
    assert where == "layer first"
    with change.variant(None):
        assert not np.array_equal(net(x).numpy(), before)
    np.testing.assert_array_equal(net(x).numpy(), before)
    assert hidden.bounded_states(net.layers[1:], "exploding-gradient") is None
