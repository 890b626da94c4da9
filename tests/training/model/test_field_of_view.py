"""How far an output of stacked convolutions sees."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from pytest_converge.training.model.field_of_view import field_of_view


def conv(size, padding="same", **settings):
    return layers.Conv1D(4, size, padding=padding, **settings)


def view(*parts, shape=(20, 2)):
    return field_of_view(keras.Sequential([keras.Input(shape), *parts]))


@pytest.mark.parametrize(
    ("parts", "seen", "wanted"),
    [
        ([conv(3), conv(5)], (7,), (39,)),
        ([conv(2, "causal"), conv(2, "causal", dilation_rate=4)], (6,), (20,)),
        ([conv(3, "causal"), conv(3)], (5,), (39,)),
        ([conv(3), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1)], (3,), (39,)),
        ([layers.Dense(3), conv(4), layers.Dense(1), layers.Flatten()], (4,), (39,)),
        ([conv(4), layers.Dense(1), layers.Reshape((20,))], (4,), (39,)),
    ],
    ids=["two ways", "dilated", "both kinds", "between", "flattened", "reshaped"],
)
def test_kernels_add_up(parts, seen, wanted):
    found = view(*parts)
    assert (found.seen, found.places, found.wanted) == (seen, (20,), wanted)


def test_of_pictures_every_axis_counts():
    found = view(layers.Conv2D(2, (3, 5), padding="same"), layers.Dense(1), shape=(8, 9, 1))
    assert (found.seen, found.places, found.wanted) == ((3, 5), (8, 9), (15, 17))


def test_tokens_are_looked_up_place_by_place():
    assert view(layers.Embedding(9, 4), conv(3), shape=(20,)).seen == (3,)


def test_of_ways_side_by_side_the_farthest_counts():
    inputs = keras.Input((20, 4))
    deep = conv(3)(conv(3)(inputs))
    outputs = layers.Concatenate()([layers.Add()([inputs, deep]), conv(4)(inputs)])
    found = field_of_view(keras.Model(inputs, outputs))
    assert found.seen == (5,)
    assert sorted(number for _, number in found.layers) == [0, 0, 1]


def test_other_kernels_can_be_asked_for():
    model = keras.Sequential([keras.Input((20, 2)), conv(3), conv(3)])
    assert field_of_view(model, lambda layer, number: ((9,), (1 + number,))).seen == (25,)


@pytest.mark.parametrize(
    "parts",
    [
        [layers.Dense(1)],
        [conv(3), layers.GlobalAveragePooling1D()],
        [conv(3), layers.Flatten(), layers.Dense(20)],
        [conv(3), layers.GRU(2, return_sequences=True)],
        [conv(3), layers.LayerNormalization(axis=1)],
        [layers.Conv1D(4, 3)],
        [conv(3, strides=2)],
        [conv(3), layers.MaxPooling1D(2), layers.UpSampling1D(2)],
        [conv(3), layers.Lambda(lambda x: x)],
        [layers.Reshape((40, 1)), conv(3)],
    ],
    ids=[
        "none",
        "mean",
        "dense",
        "recurrent",
        "normalised",
        "valid",
        "strides",
        "pooled",
        "unknown",
        "other places",
    ],
)
def test_models_that_see_all_or_nobody_knows_what(parts):
    assert view(*parts) is None


def test_series_that_are_joined_are_none():
    inputs = keras.Input((20, 2))
    joined = layers.Concatenate(axis=1)([conv(3)(inputs), conv(5)(inputs)])
    assert field_of_view(keras.Model(inputs, joined)) is None


def test_series_of_any_length_and_several_outputs_have_no_view():
    assert view(conv(3), shape=(None, 2)) is None
    inputs = keras.Input((20, 2))
    assert field_of_view(keras.Model(inputs, [conv(3)(inputs), conv(3)(inputs)])) is None
    assert field_of_view(object()) is None
