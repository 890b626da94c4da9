"""Rows of tables that belong together, drawn by random indices of their own for each table."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.zoo.problems import step
from tests.zoo.trainings import training_of

__all__ = ["sampling"]

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(300, 4)).astype("float32")
ACTIONS = RNG.normal(size=(300, 2)).astype("float32")
NEXT = (0.8 * STATES + np.tile(ACTIONS, 2)).astype("float32")
CLASSES = (STATES[:, 0] > 0).astype("int32")
OTHERS = RNG.normal(size=(200, 4)).astype("float32")
GENERATOR = tf.random.Generator.from_seed(3)


def indices(size=32, rows=300):
    return tf.random.uniform((size,), 0, rows, dtype=tf.int32)


def shuffled():
    return tf.random.shuffle(tf.range(300))[:32]


def generated():
    return GENERATOR.uniform((32,), 0, 300, dtype=tf.int64)


def network(width=4):
    return keras.Sequential([keras.Input((6,)), layers.Dense(16, "tanh"), layers.Dense(width)])


def both(*, states=STATES, actions=ACTIONS, at, other):
    return tf.concat([tf.gather(states, at), tf.gather(actions, other)], 1)


def squared(difference):
    return tf.reduce_mean(tf.square(difference))


def sampling(loss_of, *, width=4, compiled=False):
    """A step that draws its rows itself."""
    model, optimizer = network(width), optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)

    def train_step():
        with tf.GradientTape() as tape:
            loss = loss_of(model)
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))
        return loss

    own = tf.function(train_step) if compiled else train_step
    return step(own, variables=model.trainable_variables, optimizer=optimizer)


def seen(loss_of, **options):
    training = training_of(sampling(loss_of, **options))
    with left_alone(training):
        return computation(training).apart


def apart(draw=indices):
    return lambda model: squared(model(both(at=draw(), other=draw())) - tf.gather(NEXT, draw()))


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    ("draw", "kind"),
    [
        (indices, "RandomUniformInt"),
        (shuffled, "RandomShuffle"),
        (generated, "StatelessRandomUniformIntV2"),
    ],
)
def test_indices_that_are_drawn_for_each_table_are_seen(draw, kind, compiled):
    found = seen(apart(draw), compiled=compiled)
    assert (found.kind, found.rows) == (kind, 300)
    assert (found.numbers, found.of, found.unrelated) == ((0, 1, 2), 3, True)
    assert [place[0] for place in found.places] == [__file__] * 3


def test_a_part_of_the_inputs_from_other_rows_is_seen_as_well():
    def loss_of(model):
        noise, at = indices(rows=200), indices()
        rest = 0.0 * tf.reduce_sum(tf.gather(OTHERS, noise))
        return rest + squared(model(both(at=at, other=indices())) - tf.gather(NEXT, at))

    found = seen(loss_of)
    assert (found.numbers, found.of, found.unrelated) == ((1, 2), 3, False)


def test_classes_from_other_rows_are_seen():
    def loss_of(model):
        at = indices()
        labels = tf.gather(CLASSES, indices())
        logits = model(both(at=at, other=at))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses)

    assert seen(loss_of, width=2).unrelated


def together(model):
    at = indices()
    return squared(model(both(at=at, other=at)) - tf.gather(NEXT, at))


def pairs_of_one_table(model):
    """Each row is compared with another one of the same table."""
    one, other = indices(), indices()
    inputs = both(at=one, other=one)
    return squared(model(inputs) - tf.gather(STATES, other))


def other_range(model):
    at = indices()
    return squared(model(both(at=at, other=at)) - tf.gather(OTHERS, indices(rows=200)))


def way_between(model):
    """What leads from one point to another one is predicted from both."""
    start, end = tf.gather(STATES, indices()), tf.gather(NEXT, indices())
    middle = 0.5 * (start + end)
    return squared(model(tf.concat([middle, middle[:, :2]], 1)) - (end - start))


def two_domains(model):
    """Rows of two tables that a critic tells apart meet nowhere."""
    fake = tf.gather(NEXT, indices())
    real = model(both(at=indices(), other=indices()))
    return tf.reduce_mean(tf.exp(-real)) + squared(model(tf.concat([fake, fake[:, :2]], 1)))


@pytest.mark.parametrize(
    "loss_of", [together, pairs_of_one_table, other_range, way_between, two_domains]
)
def test_rows_that_belong_together_or_are_no_pairs_are_left_alone(loss_of):
    assert seen(loss_of) is None
