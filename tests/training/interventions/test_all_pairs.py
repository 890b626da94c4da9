"""The differences of all pairs in place of a vector less its own transpose."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions.all_pairs import all_pairs
from pytest_converge.training.measures.cancelled import Cancelled
from tests.training.interventions.trainings import written

V = np.array([1.0, 4.0, 9.0], "float32")
TABLE = np.arange(6.0, dtype="float32").reshape(2, 3)


def difference(transposed=None, *, layer=""):
    return Cancelled(shape=(3,), layer=layer, transposed=transposed)


def changing(found, *models):
    """The change in the places of some models."""
    training = written(*models)
    training.optimizers = ()
    return all_pairs(written(), found).variant(training)


@pytest.mark.parametrize(
    "transpose", [tf.transpose, keras.ops.transpose, tf.compat.v1.transpose], ids=["tf", "k", "v1"]
)
def test_a_vector_less_its_transpose_is_that_of_all_pairs_while_the_change_lasts(transpose):
    v = tf.constant(V)
    with changing(difference()):
        during = v - transpose(v)
    np.testing.assert_array_equal(during, V - V[:, None])
    np.testing.assert_array_equal(v - transpose(v), [0.0, 0.0, 0.0])


def test_a_graph_of_any_number_of_rows_has_all_pairs():
    @tf.function(input_signature=[tf.TensorSpec((None,))])
    def pairs(v):
        return v - tf.transpose(v)

    with changing(difference()):
        np.testing.assert_array_equal(pairs(V), V - V[:, None])


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (tf.transpose, TABLE.T),
        (lambda x: tf.transpose(x, [1, 0]), TABLE.T),
        (lambda x: tf.transpose(x[None], perm=[2, 0, 1]), TABLE.T[:, None]),
        (lambda x: tf.matmul(x, x, transpose_b=True), TABLE @ TABLE.T),
    ],
    ids=["matrix", "permuted", "rank 3", "product"],
)
def test_matrices_are_transposed_as_before(of, expected):
    with changing(difference()):
        np.testing.assert_array_equal(of(tf.constant(TABLE)), expected)


def test_it_is_changed_in_the_layer_that_makes_it_alone():
    turned = layers.Lambda(lambda x: tf.transpose(x[:, 0]), output_shape=(), name="turned")
    model = keras.Sequential([keras.Input((3,)), turned])
    with changing(difference(layer="turned"), model):
        assert model(TABLE).shape == (2, 1)
        assert tf.transpose(tf.constant(V)).shape == (3,)
    assert model(TABLE).shape == (2,)


def paired(v):
    return v - tf.transpose(v)


def summed(v, w):
    return 2.0 * tf.transpose(v + w)


def twice(v):
    return tf.transpose(v) - 2.0 * tf.transpose(v)


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize(
    ("function", "code"),
    [(paired, "return v - v[:, None]"), (summed, "return 2.0 * (v + w)[:, None]")],
    ids=["difference", "in brackets"],
)
def test_the_own_line_is_shown_with_the_column(function, code, placed):
    line = function.__code__.co_firstlineno + 1
    user = written(function=None if placed else function)
    change = all_pairs(user, difference((__file__, line) if placed else None))
    assert change.fix == f"{code}  # test_all_pairs.py:{line}"
    assert (change.code, change.change) == (
        "unread-data",
        "a column in place of the transposed vector",
    )


@pytest.mark.parametrize("function", [None, twice], ids=["no code", "two of them"])
def test_without_one_line_that_does_it_the_change_is_shown_by_itself(function):
    change = all_pairs(written(function=function), difference())
    assert change.fix == "v[:, None]  # instead of tf.transpose(v), which is v itself"


def test_where_no_vector_is_transposed_there_is_no_change():
    assert all_pairs(written(function=paired), difference(())) is None
