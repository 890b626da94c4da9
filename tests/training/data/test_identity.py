"""The same rows have the same facts, whatever they come from."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data import identity
from pytest_converge.training.data.identity import data_facts
from pytest_converge.training.data.sources import read_arrays, read_batches

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype("float32")
Y = RNG.integers(0, 2, size=50)


class Batches(keras.utils.PyDataset):
    num_batches = 5

    def __getitem__(self, index):
        chosen = slice(10 * index, 10 * index + 10)
        return X[chosen], Y[chosen]


def arrays(x=X, y=Y, weights=None):
    data = read_arrays(x, y, weights, None, batch_size=8, shuffle=True, steps=3, seed=1)
    return data_facts(data, 3)


def batches(source, steps=3):
    return data_facts(read_batches(source, None, steps=steps, shuffle=True, seed=1), steps)


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(50).batch(8)


@pytest.mark.parametrize("steps", [3, 7, 30])
@pytest.mark.parametrize("make", [dataset, Batches])
def test_arrays_and_sources_of_the_same_rows_are_the_same(make, steps):
    expected, found = arrays(), batches(make(), steps)
    for name in ("digest", "rows", "seen", "x_shape", "y_shape"):
        assert found[name] == expected[name]
    assert "order" not in found


def test_one_batch_of_all_rows_and_a_dataset_without_stacks_are_the_same():
    ragged = tf.data.Dataset.from_generator(
        lambda: iter([(X[:20], Y[:20]), (X[20:], Y[20:])]),
        output_signature=(tf.TensorSpec((None, 3)), tf.TensorSpec((None,), tf.int64)),
    )
    assert batches(ragged)["digest"] == arrays()["digest"]


@pytest.mark.parametrize(
    "change",
    [
        {"x": X + 1},
        {"y": 1 - Y},
        {"y": np.roll(Y, 1)},
        {"weights": np.ones(50)},
        {"x": X[:40], "y": Y[:40]},
    ],
)
def test_other_rows_are_others(change):
    assert arrays(**change)["digest"] != arrays()["digest"]


def test_a_source_without_end_is_what_the_training_saw():
    endless = batches(dataset().repeat())
    assert (endless["seen"], endless["rows"]) == ("the training", 24)


def test_a_generator_has_an_order_that_all_starts_share():
    def read(order):
        return batches(iter([(X[part], Y[part]) for part in np.split(order, 5)]))

    first = read(np.arange(50))
    assert first["seen"] == "the training"
    assert read(np.arange(50)) == first
    other = np.r_[1, 0, 2:50]
    assert read(other)["digest"] == first["digest"]
    assert read(other)["order"] != first["order"]


def test_nothing_is_known_of_no_data_and_of_ragged_rows():
    assert data_facts(None, 3) == {}
    assert batches(tf.data.Dataset.from_tensors(tf.ragged.constant([[1], [2, 3]]))) == {}


def test_of_many_batches_a_part_is_looked_at(monkeypatch):
    monkeypatch.setattr(identity, "MOST_READINGS", 2)
    found = batches(dataset(), steps=3)
    assert (found["seen"], found["rows"]) == ("a part", 48)
    assert batches(dataset(), steps=3) == found
    monkeypatch.setattr(identity, "MOST_VALUES", 30)
    assert batches(dataset(), steps=3)["rows"] == 8
