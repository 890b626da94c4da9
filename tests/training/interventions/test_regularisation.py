"""Penalties, smoothing and what else adds to a loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions import regularisation
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


def test_layers_that_alter_pictures_at_random_leave_them_as_they_are():
    flip = layers.RandomFlip("horizontal", name="flip")
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Rescaling(0.5), flip])
    pictures = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype("float32")
    assert regularisation.altering_layers(model) == [flip]
    change = regularisation.without_alterations([flip])
    assert not np.array_equal(model(pictures, training=True), 0.5 * pictures)
    with change.variant(None):
        np.testing.assert_array_equal(model(pictures, training=True), 0.5 * pictures)
    assert not np.array_equal(model(pictures, training=True), 0.5 * pictures)
    exec(change.fix, {"model": model})  # noqa: S102 - a line of our own
    np.testing.assert_array_equal(model(pictures, training=True), 0.5 * pictures)


def test_a_layer_of_the_users_may_be_called_as_it_likes():
    class RandomLinear(layers.Dense):
        pass

    model = keras.Sequential([keras.Input((2,)), RandomLinear(1)])
    assert regularisation.altering_layers(model) == []
