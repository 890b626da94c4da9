"""Hidden activations."""

from __future__ import annotations

from keras import layers

from pytest_converge.training.interventions import (
    hidden,
)


def test_rectifiers_with_a_threshold_are_told_from_bounded_ones():
    kinds = [layers.ReLU(), layers.ReLU(max_value=6), layers.ReLU(threshold=6), layers.Dense(1)]
    assert hidden.shifted_rectifiers(kinds) == [kinds[2]]
