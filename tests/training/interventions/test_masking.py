"""Padding masked before a recurrent layer reads it."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pytest_converge.training.interventions import masking
from pytest_converge.training.measures.normalisation import UnmaskedPadding


def test_padding_changes_nothing_meanwhile():
    parts = [layers.Embedding(9, 4, name="words"), layers.SimpleRNN(3)]
    model = keras.Sequential([keras.Input((None,)), *parts])
    short, long = np.array([[1, 2, 3]]), np.array([[1, 2, 3, 0, 0, 0]])
    padding = UnmaskedPadding(embedding="words", recurrent="simple_rnn", share=0.5)
    change = masking.masked([model], padding)
    with change.variant(None):
        np.testing.assert_allclose(model(short), model(long), rtol=1e-5)
    assert not np.allclose(model(short), model(long))
    line = 'keras.layers.Embedding(9, 4, mask_zero=True, name="words")'
    assert change.fix == f"{line}  # layer words"
    assert change.where == ("words",)
