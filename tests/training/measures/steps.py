"""Trainings whose one step is looked at."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import recorded
from tests.zoo.problems import fit, linear, minimize, sequential, step
from tests.zoo.trainings import training_of

__all__ = [
    "attending",
    "batches",
    "classifying",
    "closure",
    "flow_of",
    "own_step",
    "regression",
    "rod",
    "taught",
    "total_of",
]


def flow_of(start):
    """The graph of the first step of a training."""
    training = training_of(start)
    return Flow(recorded(training, training.first_batch()))


def regression(*parts, loss="mse", rows=64):
    """A model of numbers on four columns."""
    x, y = linear(0, rows=rows)
    model = sequential(
        *(parts or (layers.Dense(1),)), optimizer=optimizers.SGD(0.1), loss=loss, shape=(4,)
    )
    return fit(model, x, y)


def closure(loss_of, *, rows=12):
    """A loss of a weight, its predictions and the targets (rows, 1)."""
    x, y = linear(0, rows=rows)
    w, targets = tf.Variable(tf.zeros((4, 1)), name="w"), tf.constant(y)
    return minimize(lambda: loss_of(x @ w, targets), [w], optimizers.SGD(0.1))


def batches(x, y, size=16):
    """A dataset of the rows."""
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size).repeat()


def own_step(loss_of, *, shape=(-1,), rows=64, returned=None):
    """A step of one's own on a stream: targets of a shape under a loss of targets, predictions.

    It returns that loss, or another one where `returned` is given.
    """
    x, y = linear(0, rows=rows)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    optimizer = optimizers.Adam(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            predictions = model(features, training=True)
            loss = loss_of(targets, predictions)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss if returned is None else returned(targets, predictions)

    data = batches(x, y.reshape(shape))
    return step(train_step, variables=model.trainable_variables, data=data, optimizer=optimizer)


class Classifier(keras.Model):
    """A step of one's own around a loss of labels and outputs."""

    def __init__(self, parts, loss_of):
        super().__init__()
        self.body, self.loss_of = keras.Sequential(parts), loss_of

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.loss_of(y, self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def classifying(x, y, *parts, loss_of, rate=0.05):
    """A classifier with a `train_step` of its own."""
    model = Classifier(parts, loss_of)
    model.compile(optimizers.Adam(rate))
    model(x[:1])
    return fit(model, x, y)


class Taught(keras.Model):
    """A student beside a frozen teacher; it may take what the teacher answers as well."""

    def __init__(self, *, takes="nothing", frozen_body=False, teacher_trained=False):
        super().__init__()
        self.body, self.head = layers.Dense(8, "tanh", name="body"), layers.Dense(1, name="head")
        parts = [keras.Input((4,)), layers.Dense(1, name="answer")]
        self.teacher = keras.Sequential(parts, name="teacher")
        self.teacher.trainable, self.body.trainable = teacher_trained, not frozen_body
        self.takes = takes

    def call(self, x):
        added = self.teacher(x) if self.takes == "sum" else 0.0
        if self.takes == "input":
            x = tf.concat([x, self.teacher(x)], axis=1)
        return self.head(self.body(x)) + added

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        towards = self.teacher(self.body(x)[:, :4] if self.takes == "body" else x)
        return tf.reduce_mean((y_pred - towards) ** 2) + tf.reduce_mean((y_pred - y) ** 2)


def taught(**options):
    model = Taught(**options)
    model.compile(optimizers.Adam(0.01))
    return fit(model, *linear(0, rows=32))


def rod(unit, *, grows=1.0):
    """A step without data: a network of places along a rod that it closes over.

    Args:
        unit: by what the places, from 0 to 1, are multiplied.
        grows: by what the hidden layer's answer is multiplied.
    """
    places = tf.constant(np.linspace(0, 1, 32, dtype="float32")[:, None] * unit)
    heat = np.sin(np.pi * np.linspace(0, 1, 32, dtype="float32"))[:, None]
    first, second = layers.Dense(16, "tanh", name="first"), layers.Dense(1, name="second")
    network = keras.Sequential([keras.Input((1,)), first, layers.Rescaling(grows), second])
    adam = optimizers.Adam(0.03)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(places) - heat) ** 2)
        weights = network.trainable_variables
        adam.apply(tape.gradient(loss, weights), weights)
        return loss

    return step(train_step, variables=network.trainable_variables, optimizer=adam)


def added(total, gradient):
    """The usual way to add a gradient to a total."""
    total.assign_add(gradient)


def total_of(add=added, *, clears=False, optimizer=None):
    """Weights fitted by a step that adds its gradient to a total in some way."""
    x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")
    w = tf.Variable(tf.zeros((4, 1)), name="w")
    total = tf.Variable(tf.zeros((4, 1)), trainable=False, name="total")
    optimizer = optimizer or optimizers.SGD(0.1)

    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((features @ w - targets) ** 2)
        add(total, tape.gradient(loss, w))
        if optimizer == "none":
            w.assign_sub(0.1 * total)
        else:
            optimizer.apply_gradients([(total, w)])
        if clears:
            total.assign(tf.zeros_like(total))
        return loss

    return step(train_step, variables=[w], data=batches(x, y, 64))


def attending(form, *, inverted, in_front=False):
    """A classifier by one token of each row, which attends to its tokens or to its padding.

    Args:
        form: "layer" for the attention of Keras; else how the mask is laid over scores: "added",
            "added before a layer" of softmax, "subtracted" or "chosen".
        inverted: True for a mask of the wrong sign.
        in_front: True for padding in front of the tokens.
    """
    rng, places = np.random.default_rng(0), 12
    x, y = np.zeros((128, places), "int32"), rng.integers(0, 2, 128)
    for row, kind in zip(x, y, strict=True):
        length = rng.integers(3, places - 2)
        row[:length] = rng.integers(3, 10, length)
        row[rng.integers(0, length)] = 1 + kind
    x = x[:, ::-1].copy() if in_front else x
    inputs = keras.Input((places,), dtype="int32")
    hidden = layers.Embedding(10, 8)(inputs)
    kept = keras.ops.equal(inputs, 0) if inverted else keras.ops.not_equal(inputs, 0)
    if form == "layer":
        attend = layers.MultiHeadAttention(1, 8, name="attend")
        hidden = attend(hidden, hidden, attention_mask=kept[:, None, :])
        hidden = keras.ops.mean(hidden, axis=1)
    else:
        left_out = keras.ops.cast(keras.ops.logical_not(kept), "float32")
        scores = layers.Dense(1)(hidden)[..., 0]
        if form.startswith("added"):
            scores = scores + left_out * -1e9
        elif form == "subtracted":
            scores = scores - left_out * 1e9
        else:
            scores = keras.ops.where(kept, scores, -1e9)
        shares = layers.Softmax()(scores) if form.endswith("a layer") else keras.ops.softmax(scores)
        hidden = keras.ops.sum(shares[..., None] * hidden, axis=1)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden), name="reader")
    model.compile(optimizers.Adam(0.02), "binary_crossentropy")
    return fit(model, x, y)
