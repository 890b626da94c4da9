"""Replicas: which rows each of them gets, and what there is of them without any.

Steps on two devices are in `tests/training/adapters/test_replicated.py`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state import replicas
from pytest_converge.training.state.snapshot import unique_variables

ROWS = np.arange(14, dtype=np.float32).reshape(7, 2)


def shares(leaf, count=2):
    return [replicas._cut(leaf, tf.constant(place), count) for place in range(count)]


def handed_out(rows, count):
    """The rows of each replica, as TensorFlow's own rule has them."""
    each = -(-rows // count)
    return [min(each, max(rows - place * each, 0)) for place in range(count)]


@pytest.mark.parametrize(("rows", "count"), [(7, 2), (6, 2), (1, 2), (5, 4), (4, 3)])
def test_replicas_get_equally_many_rows_and_the_last_ones_the_rest(rows, count):
    parts = shares(tf.constant(ROWS[:rows]), count)
    assert [len(part) for part in parts] == handed_out(rows, count)
    np.testing.assert_array_equal(tf.concat(parts, axis=0), ROWS[:rows])


def test_the_rows_of_a_graph_that_takes_any_number():
    cut = tf.function(
        lambda rows, place: replicas._cut(rows, place, 2),
        input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([], tf.int32)],
    )
    np.testing.assert_array_equal(cut(ROWS, 1), ROWS[4:])


def test_even_batches_keep_their_shape():
    cut = tf.function(lambda rows, place: replicas._cut(rows, place, 2))
    graph = cut.get_concrete_function(tf.TensorSpec([6, 2]), tf.TensorSpec([], tf.int32))
    assert graph.output_shapes == tf.TensorShape([3, 2])


def test_ragged_and_sparse_rows():
    ragged = tf.ragged.constant([[1.0], [2.0, 3.0], [4.0]])
    assert [part.to_list() for part in shares(ragged)] == [[[1.0], [2.0, 3.0]], [[4.0]]]
    parts = shares(tf.sparse.from_dense(ROWS))
    np.testing.assert_array_equal(tf.sparse.to_dense(parts[0]), ROWS[:4])
    np.testing.assert_array_equal(tf.sparse.to_dense(parts[1]), ROWS[4:])


def test_what_has_no_rows_is_for_all():
    assert shares(3) == [3, 3]
    assert [float(part) for part in shares(tf.constant(2.0))] == [2.0, 2.0]


def test_without_a_strategy_there_is_one_replica():
    batch = (tf.constant(ROWS), None)
    assert replicas.own_rows(batch) is batch
    gradients = [tf.constant(1.0)]
    assert replicas.summed_over_replicas(gradients) is gradients
    variable = keras.Variable(1.0)
    assert replicas.first_copies([variable]) == []
    assert not replicas.is_summed_on_read(variable)
    assert replicas.local_variables([variable]) == [variable.value]
    norm = replicas.replica_variable(keras.optimizers.SGD(0.1), "gradient_norm")
    norm.assign(2.0)
    assert float(norm) == 2.0


def test_the_copies_of_a_variable_are_one_variable():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        weight, metric = keras.Variable(1.0), keras.metrics.Mean()
    (copy,) = weight._value.values
    assert unique_variables([weight, copy]) == [weight._value]
    (total, _) = metric.variables
    assert replicas.is_summed_on_read(total)
    assert not replicas.is_summed_on_read(weight)
    (part,) = replicas.local_variables([total])
    assert part is total._value.values[0]
    assert unique_variables([part]) == [part]
    assert replicas.first_copies([weight]) == [(weight, "_value", copy)]
