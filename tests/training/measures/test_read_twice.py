"""A part of a batch that a layer is given twice, beside another one that nothing reads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.computation import computation
from pytest_converge.training.measures.read_twice import ReadTwice
from tests.measured import left_alone
from tests.zoo.problems import step, triplets
from tests.zoo.trainings import training_of


def margin(a, p, n):
    """The loss of triplets of embeddings."""
    near, far = (tf.reduce_sum((a - each) ** 2, axis=1) for each in (p, n))
    return tf.reduce_mean(tf.nn.relu(near - far + 0.5))


def first_parts(calls, count=3):
    """The numbers of the parts that an encoder is called on, one after the other."""
    return lambda embed, *parts: [embed(parts[each]) for each in calls[:count]]


def encoding(embedded, arrays=None, *, compiled=False):
    """A step on the parts of triplets.

    Args:
        embedded: three embeddings of the encoder and the parts.
        arrays: the parts; None for the usual three.
        compiled: True for a `tf.function`.
    """
    arrays = triplets(0, rows=64) if arrays is None else arrays
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(3)])
    encoder.name, optimizer = "encoder", optimizers.Adam(0.01)

    def train_step(*parts):
        with tf.GradientTape() as tape:
            loss = margin(*embedded(encoder, *parts))
        variables = encoder.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(arrays).batch(16).repeat()
    own = tf.function(train_step) if compiled else train_step
    return step(own, variables=encoder.trainable_variables, data=data, optimizer=optimizer)


def seen(*args, **options):
    training = training_of(encoding(*args, **options))
    with left_alone(training):
        return training, computation(training).twice


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    ("calls", "twice", "unread", "number"),
    [
        ((0, 1, 1), "y", "sample_weight", 2),
        ((0, 2, 2), "sample_weight", "y", 2),
        ((1, 1, 2), "y", "x", 1),
        ((0, 0, 2), "x", "y", 1),
        ((1, 0, 1), "y", "sample_weight", 2),
    ],
)
def test_the_last_call_on_a_part_that_is_read_twice_is_found(
    calls, twice, unread, number, compiled
):
    training, found = seen(first_parts(calls), compiled=compiled)
    (encoder,) = training.models
    expected = {"twice": twice, "unread": unread, "number": number, "of": 3}
    assert found == ReadTwice(layer=encoder, **expected)


def with_other(shape):
    """Triplets whose last part is of another shape."""
    anchor, positive, _ = triplets(0, rows=64)
    return anchor, positive, np.ones(shape, "float32")


def and_another(*shape):
    return (*triplets(0, rows=64), np.ones((64, *shape), "float32"))


@pytest.mark.parametrize(
    ("calls", "arrays"),
    [
        ((0, 1, 2), None),
        ((0, 1, 1), with_other((64, 3))),
        ((0, 1, 1), and_another(4)),
    ],
    ids=["each once", "another shape", "two unread"],
)
def test_without_one_array_in_the_place_of_another_there_is_nothing(calls, arrays):
    assert seen(first_parts(calls), arrays)[1] is None


def test_an_unread_array_of_another_shape_leaves_one_of_the_same():
    _, found = seen(first_parts((0, 1, 1)), and_another(2))
    assert (found.twice, found.unread) == ("data[1]", "data[2]")


def test_of_two_arrays_that_are_read_twice_nobody_knows_which():
    def embedded(embed, a, p, n):
        return embed(a), embed(p), embed(a) + embed(p)

    assert seen(embedded)[1] is None


def test_what_two_layers_are_given_once_each_is_not_read_twice():
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3)])

    def embedded(embed, a, p, n):
        return embed(a), embed(p), other(p)

    assert seen(embedded)[1] is None
