"""Variables that were made to be trained, that the loss depends on, and that nothing trains."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.measures.untrained import untrained
from tests.training.measures.steps import batches, regression
from tests.zoo.problems import fit, linear, minimize, step
from tests.zoo.trainings import training_of


class Plain(layers.Layer):
    """Keeps plain variables, which Keras does not track, or weights."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind

    def build(self, shape):
        weight = tf.Variable(tf.ones((shape[-1], 1)), trainable=self.kind != "not trainable")
        if self.kind == "listed":
            self.all = [weight]
        elif self.kind == "weight":
            self.w = self.add_weight(shape=(shape[-1], 1), initializer="ones")
        else:
            self.w = weight

    def call(self, x):
        return x @ (self.all[0] if self.kind == "listed" else self.w)


def names_of(start):
    training = training_of(start)
    found = untrained(training, recorded(training, training.first_batch()))
    return [each.name for each in found]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("plain", ["plain.w"]),
        ("listed", ["plain.all"]),
        ("weight", []),
        ("not trainable", []),
    ],
)
def test_a_plain_variable_is_named_by_the_layer_that_holds_it(kind, names):
    assert names_of(regression(layers.Dense(3), Plain(kind, name="plain"))) == names


def frozen():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    return fit(model, *linear(0, rows=64))


def left_out():
    w, b = tf.Variable(1.0, name="w"), tf.Variable(2.0, name="b")
    return minimize(lambda: (w - b) ** 2, [w], optimizers.SGD(0.1))


def stepped(*, whole):
    x, y = linear(0, rows=64)
    w, b = tf.Variable(tf.zeros((4, 1)), name="w"), tf.Variable(tf.zeros(1), name="b")
    optimizer, trained = optimizers.SGD(0.1), [w, b] if whole else [w]

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w + b - targets) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained, strict=True))
        return loss

    return step(train_step, variables=trained, data=batches(x, y), optimizer=optimizer)


@pytest.mark.parametrize(
    ("start", "names"),
    [
        (frozen(), []),
        (left_out(), ["b"]),
        (stepped(whole=True), []),
        (stepped(whole=False), ["b"]),
    ],
    ids=["frozen layer", "closure", "whole step", "step"],
)
def test_what_is_watched_and_not_trained_is_named(start, names):
    assert names_of(start) == names


def test_what_the_loss_does_not_depend_on_is_not():
    w, calls = tf.Variable(1.0), tf.Variable(0.0)

    def loss():
        calls.assign_add(1.0)
        return w**2 + tf.stop_gradient(calls)

    assert names_of(minimize(loss, [w], optimizers.SGD(0.1))) == []


@pytest.mark.parametrize("kind", ["left out", "frozen", "averaged", "given"])
def test_of_a_step_also_the_weights_that_its_list_forgets(kind):
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="encoding")])
    head = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="head")])
    encoder.trainable = kind != "frozen"
    variables = head.trainable_variables
    if kind == "given":
        variables = encoder.trainable_variables + variables
    optimizer = optimizers.SGD(0.1)

    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((head(encoder(x)) - y) ** 2)
        optimizer.apply(tape.gradient(loss, variables), variables)
        if kind == "averaged":
            for weight in encoder.variables:
                weight.assign(0.9 * weight)
        return loss

    start = step(
        update, variables=variables, optimizer=optimizer, data=batches(*linear(0, rows=64))
    )
    expected = ["kernel", "bias"] if kind == "left out" else []
    assert [name.rpartition("/")[2] for name in names_of(start)] == expected
