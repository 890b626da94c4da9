"""Masks of attention that leave the tokens out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops, optimizers

from pytest_converge.training.measures.attention_masks import inverted_mask
from tests.training.measures.steps import attending, flow_of
from tests.zoo.problems import fit


@pytest.mark.parametrize("form", ["layer", "added", "subtracted", "chosen"])
def test_a_mask_of_the_wrong_sign_is_seen(form):
    found = inverted_mask(flow_of(attending(form, inverted=True)))
    assert found.array == "x"
    assert found.layer == ("attend" if form == "layer" else "reader")
    assert inverted_mask(flow_of(attending(form, inverted=False))) is None


def test_padding_in_front_is_padding_too():
    assert inverted_mask(flow_of(attending("added", inverted=True, in_front=True))) is not None
    assert inverted_mask(flow_of(attending("added", inverted=False, in_front=True))) is None


@pytest.mark.parametrize("causal", [True, False])
def test_attention_that_reads_everything_before_it_is_left_alone(causal):
    x = np.zeros((32, 6), "int32")
    x[:, :3] = 1 + np.arange(96).reshape(32, 3) % 7
    inputs = keras.Input((6,))
    hidden = layers.Embedding(8, 4)(inputs)
    hidden = layers.MultiHeadAttention(1, 4)(hidden, hidden, use_causal_mask=causal)
    model = keras.Model(inputs, layers.Dense(1)(ops.mean(hidden, axis=1)))
    model.compile(optimizers.SGD(0.1), "mse")
    assert inverted_mask(flow_of(fit(model, x, np.ones((32, 1), "float32")))) is None
