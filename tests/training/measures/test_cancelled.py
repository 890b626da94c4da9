"""Differences of predictions with themselves."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.cancelled import Cancelled, cancelled
from tests.training.measures.steps import closure, flow_of, own_step


def loss_of(difference):
    """A loss of the difference and of the predictions themselves."""
    return lambda y, p: tf.reduce_mean((difference(y, p) - 1.0) ** 2) + tf.reduce_mean(p**2)


def turned(y, p):
    v = tf.squeeze(p)
    return v - tf.transpose(v)


def turned_first(y, p):
    v = p[:, 0]
    return tf.transpose(v) - tf.reshape(v, (16,))


def turned_before(y, p):
    v = tf.transpose(p[:, 0])
    return p - tf.expand_dims(v, 1)


@pytest.mark.parametrize(
    ("difference", "shape", "line"),
    [(turned, (16,), 2), (turned_first, (16,), 2), (turned_before, (16, 1), 1)],
)
def test_a_vector_less_its_transpose_is_noticed_with_the_place_of_that(difference, shape, line):
    place = (__file__, difference.__code__.co_firstlineno + line)
    found = cancelled(flow_of(own_step(loss_of(difference))))
    assert found == Cancelled(shape=shape, layer="", transposed=place)


@pytest.mark.parametrize(
    "difference",
    [
        lambda y, p: p - p,
        lambda y, p: p[:, 0] - tf.squeeze(p),
        lambda y, p: tf.transpose(p) - tf.transpose(p),
    ],
    ids=["itself", "other shapes", "transposed matrices"],
)
def test_of_another_difference_with_itself_no_vector_is_transposed(difference):
    found = cancelled(flow_of(own_step(loss_of(difference))))
    assert (found.layer, found.transposed) == ("", ())


def test_it_is_told_with_the_layer_that_makes_it():
    itself = layers.Lambda(lambda x: x - x, output_shape=(1,), name="itself")
    inner = keras.Sequential([keras.Input((1,)), itself])
    found = cancelled(flow_of(own_step(loss_of(lambda y, p: inner(p)))))
    assert found == Cancelled(shape=(16, 1), layer="itself")


def matrix(p):
    """Unlike its transpose."""
    return p * tf.range(1.0, 17.0)


def number_less_itself(number):
    return number - number


@pytest.mark.parametrize(
    "difference",
    [
        lambda y, p: p - tf.stop_gradient(p),
        lambda y, p: tf.stop_gradient(p) - p,
        lambda y, p: p[1:] - p[:-1],
        lambda y, p: matrix(p) - tf.transpose(matrix(p)),
        lambda y, p: tf.reshape(p, (4, 4)) - tf.transpose(tf.reshape(p, (4, 4))),
        lambda y, p: p[:, 0] - p,
        lambda y, p: number_less_itself(tf.reduce_sum(p)),
        lambda y, p: 2.0 * p - (p + p),
        lambda y, p: p * p,
        lambda y, p: y - y,
        lambda y, p: y - tf.transpose(y),
    ],
    ids=[
        "straight through",
        "the other way round",
        "neighbours",
        "matrices",
        "one matrix",
        "all pairs",
        "a number",
        "two of equal values",
        "product",
        "targets",
        "transposed targets",
    ],
)
def test_other_differences_are_none(difference):
    assert cancelled(flow_of(own_step(loss_of(difference)))) is None


def test_neighbours_that_weights_of_0_make_equal_are_not_the_same():
    smooth = closure(lambda p, y: tf.reduce_mean((p - y) ** 2) + tf.reduce_mean(p[1:] - p[:-1]))
    assert cancelled(flow_of(smooth)) is None
