"""Penalties, smoothing and what else adds to a loss."""

from __future__ import annotations

import keras
import pytest

from pytest_converge.training.interventions import (
    regularisation,
)
from tests.training.interventions.trainings import burdened


def test_layers_that_add_nothing_to_the_loss_are_not_listed():
    assert regularisation.adding_layers(burdened()) == []
    assert regularisation.smoothed_loss(burdened()) is None


def test_the_code_of_an_unsmoothed_loss_keeps_its_other_settings():
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.3)
    code = regularisation.without_smoothing(loss).fix
    assert code == "loss=keras.losses.BinaryCrossentropy(from_logits=True)"


@pytest.mark.parametrize(("share", "found"), [(0.05, False), (0.1, True), (0.7, True)])
def test_the_usual_smoothing_is_looked_at_and_less_is_not(share, found):
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=share)
    assert (regularisation.smoothed_loss(burdened(loss=loss)) is not None) is found
