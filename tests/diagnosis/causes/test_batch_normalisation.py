"""Layers of normalisation that have nothing to normalise by."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own
from tests.training.measures.steps import batches
from tests.zoo.problems import fit, step


def classes(rows=256):
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype("float32")


def classifier(*normalising, batch_size):
    x, y = classes()
    parts = [layers.Dense(16), *normalising, layers.Activation("relu"), layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(optimizers.Adam(0.01), "binary_crossentropy")
    return fit(model, x, y, batch_size=batch_size)


def test_larger_batches_repair_it():
    start = classifier(layers.BatchNormalization(name="bn"), batch_size=1)
    found = proven_by_its_own(start, "batch-normalisation", steps=200, max_loss=0.3)
    assert found.message == (
        "bn normalises one value a channel: it puts out the same for every row; it converges with"
        " batches of 16 rows"
    )
    assert found.fix == "converge.fit(model, x, y, batch_size=16)"
    assert found.where == ("bn",)


@pytest.mark.slow
def test_without_such_a_layer_no_larger_batches_are_tried():
    start = classifier(layers.LayerNormalization(), batch_size=1)
    found = diagnosis_of(start, steps=30, max_loss=0.01)
    assert found.cause != "batch-normalisation"
    assert not any("batches of" in trial.change for trial in found.tried)


def test_training_mode_repairs_a_step_that_does_not_ask_for_it():
    """The inputs are far from what the moving averages say at the start."""
    x, y = classes()
    parts = [layers.BatchNormalization(name="bn"), layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    optimizer = optimizers.Adam(0.05)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            outputs = model(features)[:, 0]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    start = step(
        train_step,
        variables=model.trainable_variables,
        data=batches(1e-3 * x + 0.1, y, 64),
        optimizer=optimizer,
    )
    found = proven_by_its_own(start, "batch-normalisation", steps=100, max_loss=0.45)
    assert found.message.startswith("bn is called in inference mode")
    assert found.fix.startswith("outputs = model(features, training=True)[:, 0]  # test_")


def test_a_layer_that_normalises_one_value_of_each_row_is_left_out():
    rows, length = 256, 12
    x = np.random.default_rng(0).normal(size=(rows, length, 1)).astype("float32")
    y = (x.sum(axis=(1, 2)) > 0).astype("float32")

    def build():
        parts = [layers.LayerNormalization(name="ln"), layers.Flatten(), layers.Dense(1, "sigmoid")]
        model = keras.Sequential([keras.Input((length, 1)), *parts])
        model.compile(optimizers.Adam(0.05), "binary_crossentropy")
        return model

    found = proven_by_its_own(fit(build, x, y), "batch-normalisation", steps=150, max_loss=0.3)
    assert found.message == (
        "ln normalises one value by itself: it puts out the same for every row; it converges with"
        " ln left out"
    )
    assert found.fix == "keras.layers.Identity()  # layer ln"
    assert found.where == ("ln",)


def pooled(norm):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 256)
    x = rng.normal(size=(256, 8, 8, 1)) * np.where(y, 2.0, 0.5)[:, None, None, None]
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            *norm,
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(optimizers.Adam(0.03), "binary_crossentropy")
    return fit(model, x.astype("float32"), y.astype("float32"))


def test_a_norm_over_the_very_places_that_are_averaged_is_left_out():
    start = pooled([layers.GroupNormalization(groups=-1, name="norm")])
    found = proven_by_its_own(start, "batch-normalisation", steps=100, max_loss=0.3)
    assert found.message == (
        "norm gives each row the mean 0 over the very places that mean averages: it puts out the"
        " same for every row; it converges with norm left out"
    )


@pytest.mark.parametrize("kind", [layers.LayerNormalization, layers.BatchNormalization])
def test_a_norm_over_other_values_than_those_that_are_averaged_stays(kind):
    assert (
        failed_of(pooled([kind()]), steps=3, max_loss=1e-6).evidence.computation.normalisations
        == ()
    )
