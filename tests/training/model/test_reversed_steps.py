"""Backward layers whose steps meet others, followed through Keras' symbolic tensors."""

from __future__ import annotations

import keras
import pytest
from keras import layers, ops

from pytest_converge.training.model.reversed_steps import backward_layers, reversed_layers

STEPS = 6


def back(name="back", kind=layers.GRU, **settings):
    return kind(3, return_sequences=True, go_backwards=True, name=name, **settings)


def ahead():
    return layers.GRU(3, return_sequences=True)


def pair(x):
    return layers.Concatenate()([ahead()(x), back()(x)])


class Own(layers.Layer):
    def call(self, x):
        return x


def found(build, compared=STEPS, shape=(STEPS, 2)):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, build(inputs))
    return [layer.name for layer in reversed_layers(model, [compared])]


@pytest.mark.parametrize(
    "build",
    [
        pair,
        lambda x: layers.GlobalMaxPooling1D()(pair(x)),
        lambda x: layers.GRU(3)(layers.Add()([ahead()(x), layers.Dropout(0.1)(back()(x))])),
        lambda x: ahead()(x) * back()(x),
        lambda x: layers.Dense(1)(back(kind=layers.SimpleRNN)(x)),
        lambda x: layers.Flatten()(layers.Dense(1)(layers.LayerNormalization()(back()(x)))),
        lambda x: layers.Reshape((STEPS,))(layers.Dense(1, "sigmoid")(back(kind=layers.LSTM)(x))),
        lambda x: layers.TimeDistributed(layers.Dense(1))(back()(layers.Conv1D(3, 1)(x))),
        lambda x: keras.Sequential([back(), layers.Dense(1)])(2 * x),
        lambda x: layers.Dense(1)(back(return_state=True)(x)[0]),
        lambda x: layers.Concatenate()([x, back()(x)]),
        lambda x: layers.Dense(1)(back()(ops.flip(ops.flip(x, axis=1), axis=-2))),
        lambda x: layers.Dense(1)(ops.flip(back()(x), axis=2)),
    ],
    ids=[
        "pair",
        "pooled",
        "read again",
        "times",
        "per step",
        "flat",
        "reshaped",
        "each",
        "nested",
        "with states",
        "beside its inputs",
        "flipped twice before",
        "features flipped",
    ],
)
def test_steps_that_meet_others_in_order(build):
    assert found(build) == ["back"]


@pytest.mark.parametrize(
    "build",
    [
        lambda x: layers.Dense(1)(layers.GRU(3)(back()(x))),
        lambda x: layers.Dense(1)(back("second")(back()(x))),
        lambda x: layers.Concatenate()([ahead()(x), back("second")(back()(x))]),
        lambda x: layers.Concatenate()([ahead()(x), ops.flip(back()(x), axis=1)]),
        lambda x: layers.Concatenate()([ahead()(x), back()(x)[:, ::-1]]),
        lambda x: layers.Concatenate()([ahead()(x), Own()(back()(x))]),
        lambda x: layers.Concatenate(axis=1)([ahead()(x), back()(x)]),
        lambda x: layers.Concatenate()([back()(x), back("second")(x)])[:, 0],
        lambda x: layers.Bidirectional(ahead())(2 * x),
        lambda x: layers.Dense(STEPS)(layers.Flatten()(back()(x))),
        lambda x: layers.Permute((2, 1))(back()(x)),
        lambda x: back()(layers.RepeatVector(STEPS)(layers.GRU(3)(x))),
        lambda x: layers.Dense(1)(back(return_state=True)(x)[1]),
        lambda x: layers.Dense(STEPS)(layers.GlobalAveragePooling1D()(back()(x))),
        lambda x: layers.MaxPooling1D(2)(back()(x)),
    ],
    ids=[
        "last step",
        "stacked",
        "stacked beside",
        "flipped",
        "by index",
        "unknown",
        "one after the other",
        "both backward",
        "Bidirectional",
        "flattened",
        "permuted",
        "decoder",
        "state",
        "pooled",
        "fewer",
    ],
)
def test_steps_that_meet_none_or_that_are_turned_round_again(build):
    assert found(build) == []


def test_an_output_whose_target_has_no_such_steps_may_be_in_any_order():
    assert found(back(), compared=None) == []
    assert found(back(), compared=STEPS + 1) == []


def test_series_of_any_length_have_steps_as_well():
    assert found(lambda x: back()(layers.Embedding(5, 2)(x)), shape=(None,)) == ["back"]


def test_every_layer_of_a_stack_of_pairs_is_found_by_itself():
    def stack(x):
        first = layers.Concatenate()([ahead()(x), back("one")(x)])
        return layers.Concatenate()([ahead()(first), back("two")(first)])

    assert found(stack) == ["one", "two"]


def test_a_model_within_that_has_no_tensors_is_unknown():
    class Inner(keras.Model):
        def call(self, x):
            return x

    assert found(lambda x: Inner()(back()(x))) == []


def test_backward_layers_are_those_that_put_out_every_step_on_their_own():
    model = keras.Sequential(
        [keras.Input((STEPS, 2)), layers.Bidirectional(ahead()), back(), ahead()]
    )
    model.add(layers.GRU(3, go_backwards=True))
    assert [layer.name for layer in backward_layers(model)] == ["back"]
