"""Further starts read a source anew; runs of one start see the same batches."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data import sources
from pytest_converge.training.data.sources import read_batches

ROWS = np.arange(24, dtype="float32")[:, None]


def shuffled():
    return tf.data.Dataset.from_tensor_slices((ROWS, ROWS)).shuffle(24, seed=0).batch(4)


class Drawn(keras.utils.PyDataset):
    """Six batches of four rows, in an order that `fit` draws."""

    num_batches = 6

    def __getitem__(self, index):
        rows = ROWS[4 * index : 4 * index + 4]
        return rows, rows


class Moving(Drawn):
    """What a reading gives depends on those before."""

    readings = 0.0

    def on_epoch_end(self):
        self.readings += 1

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x + self.readings, y


def of_changing_width():
    widths = tf.data.Dataset.range(2, 8).shuffle(8, seed=0)
    return widths.flat_map(
        lambda n: tf.data.Dataset.from_tensors((tf.ones((2, n)), tf.ones((2, 1))))
    )


def read(source, steps=12, seed=5, shuffle=True):
    return read_batches(source, None, steps=steps, shuffle=shuffle, seed=seed)


def batches(data):
    return [np.asarray(batch[0]).reshape(-1).tolist() for batch in data.batches()]


@pytest.fixture(params=["in memory", "streamed"])
def memory(request, monkeypatch):
    if request.param == "streamed":
        monkeypatch.setattr(sources, "MEMORY_LIMIT", 3 * 32)


@pytest.mark.parametrize("make", [shuffled, Drawn, of_changing_width])
def test_each_start_has_an_order_of_its_own_and_keeps_it(make, memory):
    data = read(make())
    first, second, third = data, data.reshuffled(6), data.reshuffled(7)
    found = [batches(start) for start in (first, second, third)]
    assert found[0] != found[1] != found[2] != found[0]
    assert [batches(start) for start in (first, second, third)] == found
    assert batches(third.reshuffled(6)) == found[1]
    assert batches(third.reshuffled(5)) == found[0]
    assert batches(read(make()).reshuffled(6)) == found[1]


def test_an_earlier_training_changes_nothing(memory):
    dataset = shuffled()
    first = batches(read(dataset))
    list(dataset)
    assert batches(read(dataset)) == first
    assert not read(dataset).differs_when_read_again(5)


def test_random_state_is_as_before_another_start_was_read():
    data = read(shuffled())
    np.random.seed(3)  # noqa: NPY002 - the state that Keras seeds
    tf.random.set_seed(3)
    expected = np.random.rand(), float(tf.random.uniform([]))  # noqa: NPY002 - the state that Keras seeds
    np.random.seed(3)  # noqa: NPY002 - the state that Keras seeds
    tf.random.set_seed(3)
    data.reshuffled(6)
    assert (np.random.rand(), float(tf.random.uniform([]))) == expected  # noqa: NPY002 - the state that Keras seeds


def test_rows_that_were_changed_stay_changed():
    data = read(shuffled())
    changed = data.with_arrays(keras.tree.map_structure(lambda a: a + 100, data.arrays))
    assert changed.reshuffled(6) is changed


def test_rows_of_another_type_are_not_taken():
    class Growing(Drawn):
        width = 0

        def on_epoch_begin(self):
            self.width += 1

        def __getitem__(self, index):
            return np.ones((4, self.width), "float32"), ROWS[:4]

    data = read(Growing(), steps=6)
    assert data.reshuffled(6) is data


@pytest.mark.parametrize("make", [shuffled, Drawn, of_changing_width])
def test_a_source_is_compared_with_itself(make, memory):
    assert not read(make()).differs_when_read_again(5)


def test_a_source_that_moves_on_is_noticed():
    assert read(Moving()).differs_when_read_again(5)


def test_what_draws_nothing_is_not_read_again():
    data = read(tf.data.Dataset.from_tensor_slices((ROWS, ROWS)).batch(4))
    assert data.reshuffled(6) is data
    assert read(iter([(ROWS, ROWS)] * 3), steps=3).reshuffled(6).replays


def test_what_no_seed_sets_is_said():
    tf.random.set_seed(None)
    once = tf.data.Dataset.from_tensor_slices((ROWS, ROWS))
    once = once.shuffle(24, reshuffle_each_iteration=False).batch(4)
    assert "no seed sets" in read(once).unrepeatable


def test_a_source_is_read_without_its_shuffles_as_long_as_it_is():
    data = read(shuffled(), steps=9)
    in_order = data.in_source_order()
    values = [value for batch in batches(in_order) for value in batch]
    assert values == np.resize(ROWS, 36).tolist()
    assert len(batches(data.prolonged(15).in_source_order())) == 15


@pytest.mark.parametrize(
    "source", [Drawn(), tf.data.Dataset.from_tensor_slices((ROWS, ROWS)).batch(4)]
)
def test_a_source_that_shuffles_nothing_has_no_other_order(source):
    assert read(source).in_source_order() is None
