"""The frames that a CTC loss is given, and the labels of the rows."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.frames import Frames, frames_and_labels
from tests.zoo.problems import fit
from tests.zoo.trainings import running

#: Of four labels, of three with a pair of equal ones, and of one.
LABELS = np.array([[1, 2, 3, 1], [2, 2, 1, 0], [3, 0, 0, 0], [1, 0, 0, 0]])


def by_time(y, outputs):
    """TensorFlow's own, with the frames in front of the rows."""
    lengths = tf.reduce_sum(tf.cast(y != 0, tf.int32), axis=1)
    frames = tf.fill(tf.shape(lengths), tf.shape(outputs)[1])
    major = tf.transpose(outputs, (1, 0, 2))
    return tf.nn.ctc_loss(tf.cast(y, tf.int32), major, lengths, frames, blank_index=0)


def training_of(loss, frames=3, y=LABELS):
    model = keras.Sequential([keras.Input((frames, 2)), layers.Dense(4)])
    model.compile(optimizers.Adam(0.01), loss)
    x = np.random.default_rng(0).normal(size=(len(y), frames, 2)).astype("float32")
    return running(fit(model, x, y), steps=3).training


@pytest.mark.parametrize("loss", [keras.losses.CTC(), "ctc", by_time], ids=["Keras", "", "own"])
def test_equal_neighbours_need_a_blank_between_them(loss):
    assert frames_and_labels(training_of(loss)) == Frames(given=3, needed=4, short=0.5)
    assert frames_and_labels(training_of(loss, frames=4)) == Frames(given=4, needed=4, short=0.0)


def test_other_losses_have_none():
    assert frames_and_labels(training_of("mse", y=np.ones((4, 3, 4), "float32"))) is None


def test_the_function_of_tensorflow_is_put_back():
    before = tf.nn.ctc_loss
    frames_and_labels(training_of("ctc"))
    assert tf.nn.ctc_loss is before


def test_sparse_labels_are_left_alone():
    def sparse(y, outputs):
        labels = tf.sparse.from_dense(tf.cast(y, tf.int32))
        frames = tf.fill((tf.shape(outputs)[0],), tf.shape(outputs)[1])
        major = tf.transpose(outputs, (1, 0, 2))
        return tf.nn.ctc_loss(labels, major, None, frames, blank_index=-1)

    assert frames_and_labels(training_of(sparse, frames=6, y=LABELS[2:])) is None
