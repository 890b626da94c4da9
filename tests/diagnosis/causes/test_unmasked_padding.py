"""Padding that a recurrent layer reads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from tests.diagnosis.programs import conclusion, diagnosis_of, failed_of, proven_by_its_own
from tests.training.measures.steps import attending
from tests.zoo.problems import fit


def reader(*, mask, rows=256, steps=200, rate=0.01):
    rng = np.random.default_rng(0)
    x, y = np.zeros((rows, steps), "int32"), rng.integers(0, 2, rows)
    for row, kind in zip(x, y, strict=True):
        row[:4] = rng.permutation([1 + 4 * kind, 2 + 4 * kind, 3 + 4 * kind, 9])
    parts = [layers.Embedding(10, 8, mask_zero=mask, name="words"), layers.SimpleRNN(8)]
    model = keras.Sequential([keras.Input((steps,)), *parts, layers.Dense(1, "sigmoid")])
    model.compile(optimizers.Adam(rate), "binary_crossentropy")
    return fit(model, x, y)


@pytest.mark.slow
def test_a_mask_repairs_it():
    found = proven_by_its_own(reader(mask=False), "unmasked-padding", steps=60, max_loss=0.2)
    assert "reads the padding: 98% of the tokens are zeros" in found.message
    line = 'keras.layers.Embedding(10, 8, mask_zero=True, name="words")'
    assert found.fix == f"{line}  # layer words"
    assert found.where == ("words",)


@pytest.mark.slow
def test_with_a_mask_none_is_tried():
    found = diagnosis_of(reader(mask=True, rate=1e-5, steps=10), steps=20, max_loss=0.2)
    assert not any("masked" in trial.change for trial in found.tried)


@pytest.mark.parametrize("form", ["layer", "added", "subtracted", "added before a layer"])
def test_a_mask_of_the_wrong_sign_is_turned_round(form):
    start = attending(form, inverted=True)
    found = proven_by_its_own(start, "unmasked-padding", steps=100, max_loss=0.4)
    assert "goes to the padding of x: its tokens are masked" in found.message
    line = "mask = ~mask  # in attend:" if form == "layer" else "mask = 1 - mask  # in reader:"
    assert found.fix == f"{line} the padding left out, not the tokens"


def test_it_is_said_where_that_is_not_enough():
    failed = failed_of(attending("layer", inverted=True), steps=5, max_loss=1e-9)
    assert conclusion(failed).message.startswith("the attention of attend goes to the padding")
