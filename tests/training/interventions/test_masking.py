"""Padding masked before a recurrent layer reads it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions import masking
from pytest_converge.training.measures.normalisation import UnmaskedPadding
from pytest_converge.training.measures.padded_steps import PaddedSteps


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


@pytest.mark.parametrize("of_masking", [True, False], ids=["another value", "a layer more"])
def test_steps_that_fill_up_change_nothing_meanwhile(of_masking):
    mask = [layers.Masking(-5.0, name="mask")] if of_masking else []
    parts = [*mask, layers.Dense(3, name="dense"), layers.GRU(3, return_sequences=True, name="gru")]
    last = layers.GRU(2, name="last")
    model = keras.Sequential([keras.Input((None, 2)), *parts, last])
    short = np.random.default_rng(0).normal(size=(1, 3, 2)).astype("float32")
    long = np.concatenate([short, np.full((1, 4, 2), [[0.1, 0.2]], "float32")], axis=1)
    padded = PaddedSteps(
        layer="mask" if of_masking else "dense",
        recurrent="gru",
        value=tuple(map(float, long[0, -1])),
        share=0.5,
        at_end=True,
        masked="-5.0" if of_masking else None,
        takers=("gru", "last") if of_masking else (),
        sequences=True,
    )
    change = masking.masked_steps([model], padded)
    with change.variant(None):
        np.testing.assert_allclose(model(short), model(long), rtol=1e-5)
    with change.variant(None):
        np.testing.assert_allclose(model(short), model(long), rtol=1e-5)
    assert not np.allclose(model(short), model(long))
    line = 'keras.layers.Masking([0.1, 0.2], name="mask")  # layer mask'
    added = "keras.layers.Masking([0.1, 0.2])  # in front of dense"
    assert change.fix == (line if of_masking else added)
    assert change.redefines_loss
