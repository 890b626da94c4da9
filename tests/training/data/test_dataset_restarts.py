"""Datasets made anew: equal for a seed, whoever iterated them before, and others for another."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data.dataset_restarts import DatasetRestarts

ROWS = np.arange(40, dtype="float32").reshape(20, 2)


def rows():
    return tf.data.Dataset.from_tensor_slices(ROWS)


def drawn(row):
    return row + tf.random.uniform([2])


def drawn_by_numpy(row):
    def add(values):
        return (values + np.random.rand()).astype("float32")  # noqa: NPY002 - Keras seeds it

    return tf.numpy_function(add, [row], tf.float32)


def generated():
    for _ in range(12):
        yield np.random.rand(2).astype("float32")  # noqa: NPY002 - the state that Keras seeds


def drawn_by_a_generator():
    generator = tf.random.Generator.from_seed(1)
    return rows().map(lambda row: row + generator.uniform([2]))


def with_options(dataset, **values):
    options = tf.data.Options()
    for name, value in values.items():
        setattr(options, name, value)
    return dataset.with_options(options)


def of_pairs(row):
    return tf.data.Dataset.from_tensors(row).repeat(2).map(drawn).shuffle(4)


def two_epochs(dataset, seed=3):
    np.random.seed(seed)  # noqa: NPY002 - the state that Keras seeds
    return [np.asarray(row).tolist() for _ in range(2) for row in dataset]


RANDOM = {
    "shuffle with a seed": lambda: rows().shuffle(20, seed=0),
    "shuffle without one": lambda: rows().shuffle(20),
    "two shuffles": lambda: rows().shuffle(5).batch(4).shuffle(5, seed=2),
    "numbers drawn": lambda: rows().map(drawn),
    "numbers drawn in parallel": lambda: rows().map(
        drawn, num_parallel_calls=8, deterministic=False
    ),
    "any order": lambda: with_options(
        rows().shuffle(20).map(drawn, num_parallel_calls=4), deterministic=False
    ),
    "numbers of NumPy": lambda: rows().map(drawn_by_numpy, num_parallel_calls=4),
    "a Python generator": lambda: tf.data.Dataset.from_generator(
        generated, output_signature=tf.TensorSpec((2,), tf.float32)
    ),
    "sampled": lambda: tf.data.Dataset.sample_from_datasets([rows(), rows().map(lambda r: -r)]),
    "interleaved": lambda: rows().interleave(of_pairs, cycle_length=4, num_parallel_calls=4),
    "random numbers": lambda: tf.data.Dataset.random(rerandomize_each_iteration=True).take(9),
    "kept after drawing": lambda: rows().map(drawn).cache().shuffle(20),
    "a generator of TensorFlow": drawn_by_a_generator,
}


@pytest.fixture(params=RANDOM)
def random(request):
    return RANDOM[request.param]()


def test_a_dataset_is_equal_whoever_iterated_it_before(random):
    restarts = DatasetRestarts(random)
    first = two_epochs(restarts.anew(7))
    two_epochs(random)
    assert restarts.is_random
    assert two_epochs(restarts.anew(7)) == first
    assert two_epochs(DatasetRestarts(random).anew(7)) == first or random_state_moved(random)


def random_state_moved(dataset):
    """A variable that the user's own iteration changed has its present value."""
    return "Generator" in str([type(held) for held in dataset._functions()]) or any(
        captured.dtype == tf.resource
        for function in dataset._functions()
        for captured in function.function.captured_inputs
    )


def test_a_further_start_draws_anew_and_alike(random):
    restarts = DatasetRestarts(random)
    others = [two_epochs(restarts.anew(seed, further=True), seed) for seed in (8, 8, 9)]
    assert others[0] == others[1]
    if not random_state_moved(random):
        assert others[0] != others[2]


def test_the_first_start_is_the_one_of_a_fresh_process():
    tf.random.set_seed(None)
    expected = two_epochs(rows().shuffle(20, seed=4))
    dataset = rows().shuffle(20, seed=4)
    two_epochs(dataset)
    assert two_epochs(DatasetRestarts(dataset).anew(7)) == expected


def test_seeds_drawn_under_the_seed_of_the_test_are_its_own():
    tf.random.set_seed(7)
    expected = two_epochs(rows().shuffle(20))
    tf.random.set_seed(7)
    restarts = DatasetRestarts(rows().shuffle(20))
    assert two_epochs(restarts.anew(7)) == expected
    assert two_epochs(restarts.anew(8)) != expected  # the seed of another test


def test_a_module_that_seeds_everything_changes_nothing():
    def seen(seed):
        tf.random.set_seed(seed)
        return two_epochs(DatasetRestarts(rows().shuffle(20)).anew(7))

    assert seen(1) == seen(2)


def test_rows_that_are_split_by_a_shuffle_stay_apart():
    whole = rows().shuffle(20, reshuffle_each_iteration=False)
    held_out = {tuple(row) for row in two_epochs(whole.take(5))}
    for further in (False, True):
        left = DatasetRestarts(whole.skip(5)).anew(9, further=further)
        assert not held_out & {tuple(row) for row in two_epochs(left)}


def test_an_order_that_no_seed_sets_is_said():
    tf.random.set_seed(None)
    once = rows().shuffle(20, reshuffle_each_iteration=False)
    assert DatasetRestarts(once).reason == "it shuffles once, in an order that no seed sets"
    seeded = rows().shuffle(20, seed=1, reshuffle_each_iteration=False)
    assert DatasetRestarts(seeded).reason == ""
    assert not DatasetRestarts(seeded).is_random


@pytest.mark.parametrize(
    "make",
    [
        rows,
        lambda: rows().batch(3).repeat(2).prefetch(2).cache(),
        lambda: rows().map(lambda row: row * 2, num_parallel_calls=4),
        lambda: tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1], [2, 3]])).batch(2),
        lambda: rows().shuffle(20, seed=3, reshuffle_each_iteration=False),
    ],
)
def test_what_nothing_is_drawn_for_is_not_random(make):
    restarts = DatasetRestarts(make())
    assert (restarts.is_random, restarts.reason) == (False, "")
    assert str(list(restarts.anew(7))) == str(list(make()))


def test_what_cannot_be_written_as_a_graph_is_read_as_it_stands(monkeypatch):
    def refused(dataset):
        raise tf.errors.UnimplementedError(None, None, "no graph")

    name = "pytest_converge.training.data.dataset_restarts.dataset_as_graph"
    monkeypatch.setattr(name, refused)
    dataset = rows()
    restarts = DatasetRestarts(dataset)
    assert restarts.anew(3) is dataset
    assert restarts.is_random


def test_a_dataset_can_be_read_without_its_shuffles():
    pairs = tf.data.Dataset.zip((rows().shuffle(20), rows().batch(2).shuffle(5).unbatch()))
    restarts = DatasetRestarts(pairs)
    assert restarts.shuffles
    for first, second in restarts.anew(7, in_order=True):
        assert first.numpy().tolist() == second.numpy().tolist()
    assert not DatasetRestarts(rows().map(drawn)).shuffles


@pytest.mark.parametrize("seed", [None, 3])
def test_two_datasets_of_one_shuffle_draw_orders_of_their_own(seed):
    shuffled = rows().shuffle(20, seed=seed)
    parts = [shuffled.map(lambda row, n=n: row[n]) for n in range(2)]
    restarts = DatasetRestarts(tf.data.Dataset.zip(tuple(parts)))
    first, second = np.array(list(restarts.anew(3).as_numpy_iterator())).T
    assert not np.array_equal(first + 1, second)
    again = np.array(list(restarts.anew(3).as_numpy_iterator())).T
    np.testing.assert_array_equal(again, [first, second])


def test_two_shuffles_of_one_seed_keep_one_order():
    parts = [rows().map(lambda row, n=n: row[n]).shuffle(20, seed=3) for n in range(2)]
    restarts = DatasetRestarts(tf.data.Dataset.zip(tuple(parts)))
    first, second = np.array(list(restarts.anew(5).as_numpy_iterator())).T
    np.testing.assert_array_equal(first + 1, second)
