"""Padding that a recurrent layer reads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from tests.diagnosis.programs import (
    conclusion,
    diagnosis_of,
    failed_of,
    proven_by_its_own,
    result_of,
)
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


def stops(*, masked, value=0.0, steps=150, rate=0.005):
    """Series of 3 to 10 stops filled up, which go up or down."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = np.full((256, steps, 2), value, "float32")
    y = rng.integers(0, 2, len(x))
    for row, up in zip(x, y, strict=True):
        length = rng.integers(3, 11)
        row[:length] = rng.normal(size=(length, 2)) + (2 * up - 1)
    mask = [] if masked is None else [layers.Masking(masked, name="masking")]
    parts = [*mask, layers.SimpleRNN(12, name="reader"), layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((steps, 2)), *parts])
    model.compile(optimizers.Adam(rate), "binary_crossentropy")
    return fit(model, x, y)


@pytest.mark.slow
def test_a_masking_layer_gets_the_value_that_fills_series_up():
    found = proven_by_its_own(stops(masked=-1.0), "unmasked-padding", steps=48, max_loss=0.2)
    seen = "reader reads the padding: 95% of the steps, at the end of rows, hold 0 alone"
    assert found.message.startswith(f"{seen}, and masking masks -1.0; it converges with")
    assert found.fix == "keras.layers.Masking(0.0)  # layer masking"


@pytest.mark.slow
@pytest.mark.parametrize("value", [-1.0, -999.0])
def test_a_mask_in_front_of_a_recurrent_layer_repairs_series(value):
    start = stops(masked=None, value=value)
    found = proven_by_its_own(start, "unmasked-padding", steps=48, max_loss=0.2)
    assert found.fix == f"keras.layers.Masking({value})  # in front of reader"


@pytest.mark.slow
def test_series_that_are_masked_get_no_other_mask():
    assert result_of(stops(masked=0.0), steps=48, max_loss=0.2).passed
    found = diagnosis_of(stops(masked=0.0, rate=1e-5, steps=30), steps=20, max_loss=0.2)
    assert not any("masked" in trial.change for trial in found.tried)
    assert found.cause != "unmasked-padding"


@pytest.mark.slow
def test_another_fault_of_series_that_are_filled_up_is_named():
    found = diagnosis_of(stops(masked=None, rate=1e-5, steps=12), steps=60, max_loss=0.3)
    assert found.cause != "unmasked-padding"
