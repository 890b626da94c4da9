"""What graphs write, and what of it nothing can put back."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.training.state.effects import effects_of, lasting


def effects(function):
    return effects_of(tf.function(function, autograph=False).get_concrete_function().graph)


def test_a_graph_that_only_reads_writes_nothing():
    v, table = tf.Variable([1.0, 2.0]), tf.Variable([[1.0], [2.0]])
    found = effects(lambda: tf.reduce_sum(v**2) + tf.gather(table, [0, 1]))
    assert (found.writes, found.lasting) == (0, "")


@pytest.mark.parametrize(
    "write",
    [
        lambda v: v.assign(v + 1.0),
        lambda v: v.assign_sub([0.1, 0.2]),
        lambda v: v.scatter_add(tf.IndexedSlices([1.0], [0])),
        lambda v: tf.cond(v[0] > 0.0, lambda: v.assign_add([1.0, 1.0]), v.read_value),
        lambda v: tf.function(lambda: v.assign([1.0, 1.0]))(),
    ],
    ids=["assign", "assign_sub", "scatter", "condition", "function"],
)
def test_writes_are_counted_wherever_they_stand(write):
    v = tf.Variable([1.0, 2.0])
    assert effects(lambda: tf.reduce_sum(write(v))).writes >= 1


def test_a_generator_of_tensorflow_is_a_variable():
    generator = tf.random.Generator.from_seed(0)
    found = effects(lambda: generator.normal(()))
    assert (found.writes > 0, found.lasting) == (True, "")


def fill(table):
    table.insert([tf.constant(1, "int64")], [tf.constant(2, "int64")])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: (iter(tf.data.Dataset.range(3)), next), "an iterator"),
        (
            lambda: (None, lambda _: tf.numpy_function(lambda: 1.0, [], tf.float32)),
            "Python code in tf.numpy_function",
        ),
        (
            lambda: (None, lambda _: tf.py_function(lambda: 1.0, [], tf.float32)),
            "Python code in tf.py_function",
        ),
        (lambda: (tf.queue.FIFOQueue(3, ["float32"]), lambda held: held.dequeue()), "a queue"),
        (
            lambda: (
                tf.lookup.experimental.MutableHashTable("int64", "int64", 0),
                fill,
            ),
            "a table",
        ),
    ],
)
def test_what_is_no_variable_is_named(make, words):
    held, use = make()
    assert effects(lambda: use(held)).lasting == words


def test_python_code_that_says_it_has_no_state_has_none():
    found = effects(lambda: tf.numpy_function(lambda: 1.0, [], tf.float32, stateful=False))
    assert found.lasting == ""


def test_a_table_that_is_only_read_is_left_as_it_is():
    assert lasting(["LookupTableFindV2", "MatMul"]) == ""
