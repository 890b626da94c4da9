"""Layers that work on nothing: batch statistics of one value, or unused, and unmasked padding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.normalisation import normalisations, unmasked_padding
from pytest_converge.training.measures.recording import recorded
from tests.training.measures.steps import batches
from tests.zoo.problems import fit, linear, step
from tests.zoo.trainings import training_of


def recording_of(start):
    training = training_of(start)
    return recorded(training, training.first_batch())


def compiled(*parts, x, batch_size):
    model = keras.Sequential([keras.Input(x.shape[1:]), *parts, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    return fit(model, x, np.ones((len(x), 1)), batch_size=batch_size)


@pytest.mark.parametrize(
    ("shape", "batch_size", "values"),
    [((4,), 1, 1), ((4,), 2, None), ((2, 3), 1, None), ((4,), 32, None)],
    ids=["one row", "two rows", "steps of one row", "batch"],
)
def test_batch_normalisation_of_one_value_a_channel_is_noticed(shape, batch_size, values):
    x = np.random.default_rng(0).normal(size=(64, *shape))
    start = compiled(layers.BatchNormalization(name="bn"), x=x, batch_size=batch_size)
    found = normalisations(recording_of(start))
    assert [(each.layer, each.values, each.in_training) for each in found] == (
        [] if values is None else [("bn", values, True)]
    )


@pytest.mark.parametrize(
    ("layer", "shape", "alone"),
    [
        (layers.LayerNormalization(name="n"), (6, 1), True),
        (layers.LayerNormalization(name="n", axis=1), (6, 1), False),
        (layers.LayerNormalization(name="n", axis=[1, 2]), (6, 1), False),
        (layers.LayerNormalization(name="n"), (1,), True),
        (layers.LayerNormalization(name="n"), (4,), False),
        (layers.GroupNormalization(4, name="n"), (4,), True),
        (layers.GroupNormalization(2, name="n"), (4,), False),
        (layers.GroupNormalization(4, name="n"), (6, 4), False),
    ],
)
def test_layers_that_normalise_one_value_of_each_row_are_noticed(layer, shape, alone):
    x = np.random.default_rng(0).normal(size=(64, *shape))
    found = normalisations(recording_of(compiled(layer, x=x, batch_size=32)))
    assert [(each.layer, each.values, each.by_row) for each in found] == [("n", 1, True)] * alone


def test_the_rows_of_a_frozen_layer_do_not_count():
    bn = layers.BatchNormalization()
    bn.trainable = False
    x = np.random.default_rng(0).normal(size=(64, 4))
    assert normalisations(recording_of(compiled(bn, x=x, batch_size=1))) == ()


@pytest.mark.parametrize("mode", [True, None], ids=["training", "inference"])
def test_a_step_that_asks_for_no_training_mode_is_noticed(mode):
    x, y = linear(0, rows=64)
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(1)])
    optimizer = optimizers.SGD(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(features, training=mode) - targets) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    start = step(
        train_step, variables=model.trainable_variables, data=batches(x, y), optimizer=optimizer
    )
    found = normalisations(recording_of(start))
    assert [each.in_training for each in found] == ([] if mode else [False])


def tokens(padding, share=1.0):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 9, size=(64, 10))
    for row in x[: int(share * len(x))]:
        if padding == "behind":
            row[rng.integers(2, 6) :] = 0
        elif padding == "before":
            row[: rng.integers(2, 6)] = 0
    return x


@pytest.mark.parametrize(
    ("padding", "share", "parts", "noticed"),
    [
        ("behind", 1.0, [layers.Embedding(9, 4), layers.SimpleRNN(3)], True),
        ("behind", 1.0, [layers.Embedding(9, 4), layers.Dropout(0.1), layers.GRU(3)], True),
        ("behind", 1.0, [layers.Embedding(9, 4), layers.Bidirectional(layers.LSTM(3))], True),
        ("behind", 1.0, [layers.Embedding(9, 4, mask_zero=True), layers.SimpleRNN(3)], False),
        ("behind", 0.1, [layers.Embedding(9, 4), layers.SimpleRNN(3)], False),
        ("before", 1.0, [layers.Embedding(9, 4), layers.SimpleRNN(3)], False),
        ("none", 1.0, [layers.Embedding(9, 4), layers.SimpleRNN(3)], False),
        ("behind", 1.0, [layers.Embedding(9, 4), layers.GlobalAveragePooling1D()], False),
    ],
    ids=[
        "recurrent",
        "behind dropout",
        "in both directions",
        "masked",
        "few rows",
        "at the front",
        "none",
        "no recurrent layer",
    ],
)
def test_padding_that_a_recurrent_layer_reads_is_noticed(padding, share, parts, noticed):
    x = tokens(padding, share)
    found = unmasked_padding(recording_of(compiled(*parts, x=x, batch_size=64)))
    assert (found is not None) == noticed
    if found is not None:
        assert (found.embedding, found.recurrent) == (parts[0].name, parts[-1].name)
        assert found.share == pytest.approx((x == 0).mean(), abs=0.02)
