"""Hashes of which most values share a bin."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.training.interventions.more_bins import more_bins
from tests.zoo.problems import fit
from tests.zoo.trainings import running

rng = np.random.default_rng(0)
#: Forty numbers, each of them twice.
NUMBERS = np.repeat(rng.choice(10**6, 40, replace=False), 2)[:, None]
OTHER = rng.normal(size=(80, 1)).astype("float32")


def embedded(slot, bins):
    return layers.Flatten()(layers.Embedding(bins, 4, name="looks_up")(slot))


def encoded(slot, bins):
    kind = layers.CategoryEncoding(bins, output_mode="one_hot", name="looks_up")
    return kind(layers.Reshape((1,))(slot))


def model_of(bins, behind=embedded, **settings):
    number, other = keras.Input((1,), dtype="int64", name="z"), keras.Input((1,), name="a")
    slot = layers.Hashing(bins, name="hash", **settings)(number)
    both = layers.Concatenate()([behind(slot, bins), other])
    model = keras.Model([number, other], layers.Dense(1)(both))
    model.compile(optimizers.Adam(0.01), "mse")
    return model


def training_of(model, x=None):
    return running(fit(model, [NUMBERS, OTHER] if x is None else x, OTHER), steps=3).training


def changes(training):
    return more_bins(training.model, training.rows_in_memory)


@pytest.mark.parametrize("behind", [embedded, encoded], ids=["embedding", "encoding"])
def test_every_value_gets_a_bin_of_its_own(behind):
    model = model_of(5, behind)
    training = training_of(model)
    (change,) = changes(training)
    assert change.fault == "40 values of x[0] share 5 bins"
    assert change.where == ("hash", "looks_up")
    with change.variant(training):
        assert training.model.get_layer("hash").num_bins == 2000
        slots = training.model.get_layer("hash")(NUMBERS)
        assert len(np.unique(slots)) >= 38
        assert np.isfinite(training.model([NUMBERS, OTHER])).all()
    assert training.model is model
    assert change.fix.startswith("keras.layers.Hashing(2000,")
    assert change.fix.splitlines()[1].endswith("# layer looks_up")
    assert "2000" in change.fix.splitlines()[1]


def test_what_a_hash_puts_out_by_itself_needs_no_layer_behind_it():
    number = keras.Input((1,), dtype="int64")
    slots = layers.Hashing(5, output_mode="one_hot", name="hash")(number)
    model = keras.Model(number, layers.Dense(1)(slots))
    model.compile(optimizers.Adam(0.01), "mse")
    training = training_of(model, NUMBERS)
    (change,) = changes(training)
    assert change.where == ("hash",)
    with change.variant(training):
        assert training.model(NUMBERS).shape == (80, 1)


def test_inputs_by_name_are_found_in_any_order():
    (change,) = changes(training_of(model_of(5), {"a": OTHER, "z": NUMBERS}))
    assert change.fault == "40 values of x['z'] share 5 bins"


def test_bins_that_a_few_values_share_are_enough():
    assert changes(training_of(model_of(200))) == []


def test_a_hash_of_something_else_than_an_input_is_left_alone():
    number = keras.Input((1,), dtype="int64")
    slots = embedded(layers.Hashing(5)(layers.Reshape((1,))(number)), 5)
    model = keras.Model(number, layers.Dense(1)(slots))
    model.compile(optimizers.Adam(0.01), "mse")
    assert changes(training_of(model, NUMBERS)) == []


def test_of_a_hash_that_is_called_twice_both_have_more_bins():
    first, second = keras.Input((1,), dtype="int64"), keras.Input((1,), dtype="int64")
    hashing = layers.Hashing(5, name="hash")
    slots = [
        layers.Embedding(5, 2, name=f"of_{n}")(hashing(x)) for n, x in enumerate((first, second))
    ]
    model = keras.Model([first, second], layers.Dense(1)(layers.Flatten()(layers.Add()(slots))))
    model.compile(optimizers.Adam(0.01), "mse")
    (change,) = changes(training_of(model, [NUMBERS, NUMBERS]))
    assert change.where == ("hash", "of_0", "of_1")
