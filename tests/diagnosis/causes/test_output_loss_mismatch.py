"""An output that cannot give the targets."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import layers, losses, optimizers

from tests.diagnosis.programs import diagnosis_of, proven_by_its_own
from tests.training.measures.steps import batches, classifying
from tests.zoo.problems import fit, linear, sequential, step, wine


def tanh_head():
    x, y = linear(0)
    model = sequential(layers.Dense(1, "tanh"), optimizer=optimizers.Adam(0.1), loss="mse")
    return fit(model, x, 6 * y)


def test_an_output_that_cannot_reach_the_targets_is_opened():
    found = proven_by_its_own(tanh_head(), "output-loss-mismatch", steps=100, max_loss=0.5)
    assert found.message.startswith("output and loss do not fit the targets; it converges with")


SPARSE_LOGITS = tf.nn.sparse_softmax_cross_entropy_with_logits


def wine_under(last, loss_of):
    x, y = wine()
    return classifying(x, y.astype("int32"), layers.Dense(16, "relu"), last, loss_of=loss_of)


@pytest.mark.parametrize(
    ("last", "loss_of", "words", "line"),
    [
        (
            lambda: layers.Dense(3, "softmax", name="last"),
            SPARSE_LOGITS,
            "the loss takes logits, and is given the softmax of ",
            "keras.layers.Dense(3)  # last",
        ),
        (
            lambda: layers.Dense(3, name="last"),
            losses.sparse_categorical_crossentropy,
            "the loss takes probabilities, and is given values from -",
            "keras.layers.Dense(3, activation='softmax')  # last",
        ),
    ],
    ids=["probabilities", "logits"],
)
def test_a_step_gives_its_loss_what_it_reads(last, loss_of, words, line):
    start = wine_under(last(), loss_of)
    found = proven_by_its_own(start, "output-loss-mismatch", steps=60, max_loss=0.1)
    assert found.message.startswith(words)
    assert found.fix == line
    assert found.where[0].endswith("last")


def by_operations(*, twice):
    """A step without any layer; it may take the softmax of something else as well."""
    x, y = wine()
    w, optimizer = tf.Variable(tf.zeros((13, 3)), name="w"), optimizers.SGD(0.1)

    def train_step(features, labels):
        with tf.GradientTape() as tape:
            inputs = features * tf.nn.softmax(0.0 * features) * 13 if twice else features
            loss = tf.reduce_mean(SPARSE_LOGITS(labels, tf.nn.softmax(inputs @ w)))
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = batches(x, y.astype("int32"), 32)
    return step(train_step, variables=[w], data=data, optimizer=optimizer)


@pytest.mark.parametrize("twice", [False, True], ids=["alone", "one of two"])
def test_of_a_step_of_operations_the_only_one_is_left_out(twice):
    found = diagnosis_of(by_operations(twice=twice), steps=60, max_loss=0.2)
    assert (found.cause, found.proven) == ("output-loss-mismatch", not twice)
    assert found.message == "the loss takes logits, and is given the softmax"
    line = "outputs = logits  # no tf.nn.softmax(logits) before the loss"
    assert found.fix == ("" if twice else line)
