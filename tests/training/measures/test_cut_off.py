"""Trained variables that operations without a slope cut off from the loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.computation import computation
from tests.training.measures.steps import batches
from tests.zoo.problems import linear, minimize, step
from tests.zoo.trainings import training_of


def cut_off_of(between, *, aside=lambda code, kept: 0.0, written=False):
    """Of a step with an encoder and a decoder, and something between them."""
    x, y = linear(0, rows=32)
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="encoder")], name="front")
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="decoder")], name="back")
    variables = encoder.trainable_variables + decoder.trainable_variables
    adam = optimizers.Adam(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            code = encoder(features)
            loss = tf.reduce_mean((decoder(between(code)) - targets) ** 2)
            loss += aside(code, decoder.trainable_variables[0])
        adam.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        if written:
            for variable in encoder.trainable_variables:
                variable.assign(0.9 * variable)
        return loss

    start = step(train_step, variables=variables, data=batches(x, y), optimizer=adam)
    return computation(training_of(start)).cut_off


CUT = {
    "rounding": (tf.round, ["Round"]),
    "sign": (tf.sign, ["Sign"]),
    "whole numbers": (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), ["Cast"]),
    "truth": (lambda x: tf.cast(x > 0.5, tf.float32), ["Greater"]),
    "truth in whole numbers": (
        lambda x: tf.cast(tf.cast(x <= 0.5, tf.int32), tf.float32),
        ["LessEqual"],
    ),
    "choice": (lambda x: tf.where(x >= 0.0, 1.0, -1.0), ["GreaterEqual"]),
    "floor division": (lambda x: x // 0.5, ["FloorDiv"]),
    "stopped": (tf.stop_gradient, ["StopGradient"]),
    "one behind another": (lambda x: tf.sign(tf.round(x)), ["Round", "Sign"]),
    "stopped behind a rounding": (
        lambda x: tf.stop_gradient(tf.round(x)),
        ["Round", "StopGradient"],
    ),
    # Nothing stands in for these.
    "two at once": (lambda x: tf.cast((x > 0) & (x < 1), tf.float32), []),
    "equal": (lambda x: tf.cast(tf.equal(x, 0.5), tf.float32), []),
    "the largest": (lambda x: tf.one_hot(tf.argmax(x, -1), 3), []),
}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", CUT)
def test_what_cuts_variables_off_is_found(name):
    between, kinds = CUT[name]
    found = cut_off_of(between)
    assert len(found.where) == 1
    assert sorted(passage.kind for passage in found.passages) == sorted(kinds)
    assert all(passage.layer == "" for passage in found.passages)


SOUND = {
    "identity": lambda x: x,
    "straight-through": lambda x: x + tf.stop_gradient(tf.round(x) - x),
    "custom gradient": tf.custom_gradient(lambda x: (tf.round(x), lambda upstream: upstream)),
    "a rectifier by hand": lambda x: tf.where(x > 0, x, tf.zeros_like(x)),
    "a mask": lambda x: x * tf.cast(x > 0, tf.float32),
    "a gradient of 0": lambda x: 0.0 * x,
    "dead": lambda x: tf.nn.relu(x - 100.0),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_lets_a_gradient_through_in_some_way_cuts_nothing_off(name):
    assert cut_off_of(SOUND[name]) is None


def test_what_others_are_trained_towards_is_stopped_on_purpose():
    """As a target network among the variables, and as the encoder in the loss of a codebook."""

    def towards(code, kept):
        return tf.reduce_mean((tf.stop_gradient(code) - kept[:, 0]) ** 2)

    found = cut_off_of(tf.ones_like, aside=towards)
    assert found.stop.kind == "StopGradient"
    assert found.passages == ()
    both = cut_off_of(tf.round, aside=towards)
    assert [passage.kind for passage in both.passages] == ["Round"]


def test_what_the_step_writes_itself_needs_no_gradient():
    assert cut_off_of(tf.stop_gradient, written=True) is None


def test_variables_of_a_closure_have_their_own_names():
    w, scale = tf.Variable(np.ones(3, "float32"), name="w"), tf.Variable(1.0, name="scale")
    start = minimize(
        lambda: tf.reduce_mean(scale * tf.sign(w - 0.5)), [w, scale], optimizers.SGD(0.1)
    )
    found = computation(training_of(start)).cut_off
    assert found.where == ("w",)
    assert [passage.kind for passage in found.passages] == ["Sign"]
