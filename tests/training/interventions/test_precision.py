"""Models that compute in float16."""

from __future__ import annotations

import pytest

from pytest_converge.training.interventions import precision
from tests.training.interventions.trainings import halved, plain
from tests.zoo.trainings import training_of


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_weights_and_layers_are_in_single_precision_meanwhile(policy):
    training = training_of(halved(policy))
    change = precision.in_single_precision(training, "exploding-gradient")
    with change.variant(training):
        assert {layer.compute_dtype for layer in training.model.layers} == {"float32"}
        assert {v.dtype.name for v in training.trainable} == {"float32"}
    assert {layer.compute_dtype for layer in training.model.layers} == {"float16"}


def test_a_model_in_single_precision_is_left_alone():
    assert precision.in_single_precision(training_of(plain()), "exploding-gradient") is None
