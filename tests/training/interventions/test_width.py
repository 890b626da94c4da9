"""Wider and deeper models."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from pytest_converge.training.interventions import (
    width,
)
from tests.training.interventions.trainings import of_model, regression


def factors(*sizes):
    one, other = keras.Input((1,)), keras.Input((1,))
    parts = [layers.Embedding(5, size)(x) for size, x in zip(sizes, (one, other), strict=True)]
    out = layers.Flatten()(layers.Concatenate()(parts))
    return keras.Model([one, other], out)


@pytest.mark.parametrize(("sizes", "said"), [((1, 1), 2), ((4, 4), 2), ((4, 1), 1)])
def test_embeddings_are_widened_but_for_offsets_beside_others(sizes, said):
    assert len(width.wider(factors(*sizes)).where) == said


def test_a_wider_model_keeps_its_output(parts_during):
    before, (during,), _ = parts_during(regression(), of_model(width.wider))
    assert before["sizes"] == [4, None, 1]
    assert during["sizes"] == [32, None, 1]
