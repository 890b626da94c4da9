"""Trainings to be changed, and what they consist of."""

from __future__ import annotations

import types

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.keras_internals import optimizer_config
from tests.zoo.problems import BINARY, fit, linear, minimize, sequential, step, wine

STEPS = 5


SGD = optimizers.SGD


def written(*models, function=None, verb="step", trainable=()):
    """What the lines to paste are made from: the models and the function of a training."""
    return types.SimpleNamespace(
        models=list(models),
        model=models[0] if models else None,
        function=function,
        verb=verb,
        own_train_step=False,
        trainable=list(trainable),
    )


def _slope_of(function):
    with tf.GradientTape() as tape:
        x = tf.Variable(0.4)
        value = function(x)
    slope = tape.gradient(value, x)
    return None if slope is None else float(slope)


def everything_of(training):
    """What a training consists of, part by part."""
    parts = {}
    for place, observed in enumerate(training.optimizers):
        optimizer, ending = observed.optimizer, f" {place}" if place else ""
        if isinstance(optimizer, keras.optimizers.Optimizer):
            config = optimizer_config(optimizer)
            del config["name"], config["learning_rate"]
            parts[f"optimizer{ending}"] = (type(optimizer).__name__, repr(sorted(config.items())))
            parts[f"rate{ending}"] = round(float(observed.learning_rate()), 7)
    data = training.data
    if data is not None:
        for name, array in zip(("x", "y", "row weights"), (*data.arrays, None), strict=False):
            leaves = [leaf for leaf in keras.tree.flatten(array) if leaf is not None]
            parts[name] = [(str(leaf.dtype), leaf.tolist()) for leaf in leaves]
        parts["order"] = data.order.whole()[0].tolist()
    model = training.model
    if model is None:
        parts["weights"] = [v.numpy().tolist() for v in training.trainable]
        parts["trained"] = len(training.trainable)
        return parts
    parts["weights"] = [v.numpy().tolist() for v in model.weights]
    smoothing = getattr(model.loss, "_fn_kwargs", {}).get("label_smoothing")
    parts["smoothing"] = smoothing or 0.0
    parts["thresholds"] = [
        (x.max_value, float(x.threshold)) for x in model.layers if isinstance(x, layers.ReLU)
    ]
    parts["computes"] = [x.compute_dtype for x in model.layers]
    parts["slopes"] = [_slope_of(function) for function in (tf.stop_gradient, tf.round)]
    parts["added"] = ["add_loss" in vars(layer) for layer in model.layers]
    parts["loss"] = [
        (
            loss if isinstance(loss, str) else type(loss).__name__,
            getattr(loss, "reduction", getattr(loss, "__name__", None)),
        )
        for loss in keras.tree.flatten(model.loss)
    ]
    parts["trained"] = [v.trainable for v in model.weights]
    parts["layers"] = [type(layer).__name__ for layer in model.layers]
    parts["sizes"] = [getattr(layer, "units", None) for layer in model.layers]
    parts["activations"] = [
        getattr(getattr(x, "activation", None), "__name__", None) for x in model.layers
    ]
    held = [getattr(v, "regularizer", None) for v in model.weights]
    held += [getattr(x, "activity_regularizer", None) for x in model.layers]
    parts["penalties"] = [None if x is None else (type(x), x.get_config()) for x in held]
    parts["constraints"] = [type(getattr(v, "constraint", None)) for v in model.weights]
    parts["dropout"] = [getattr(layer, "rate", None) for layer in model.layers]
    return parts


def differing(one, other):
    """Compared as they are written, as NaN equals itself there."""
    return {name for name in one if repr(one[name]) != repr(other[name])}


def burdened(optimizer=None, loss="mse"):
    """A model with something in it for every change."""
    parts = [
        layers.Dense(
            4,
            "tanh",
            kernel_regularizer="l2",
            activity_regularizer="l1",
            kernel_constraint=keras.constraints.MaxNorm(1.0),
            kernel_initializer="ones",
        ),
        layers.Dropout(0.4),
        layers.Dense(1, "tanh"),
    ]
    optimizer = optimizer or SGD(0.1, momentum=0.97)
    return sequential(*parts, optimizer=optimizer, loss=loss, shape=(4,))


def regression(optimizer=None, loss="mse", **options):
    return fit(burdened(optimizer, loss), *linear(0, rows=20), batch_size=8, **options)


def frozen():
    start = regression()
    model = start.arguments["model"]
    model.layers[0].trainable = False
    model.compile(SGD(0.1), "mse")
    return start


def binary(labels=(0.0, 1.0)):
    x, y = linear(0, rows=20)
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss=BINARY, shape=(4,))
    return fit(model, x, np.where(y > 0, labels[1], labels[0]).astype("float32"), batch_size=8)


def classes():
    x, y = wine()
    model = sequential(layers.Dense(3, "softmax"), optimizer=SGD(0.1), loss="mse", shape=(13,))
    return fit(model, x[::9], y[::9, None], batch_size=8)


def missing():
    x, y = linear(0, rows=20)
    x[2, 1] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, x, y, batch_size=8)


def emptied():
    """A column of NaN, and another value missing in one row."""
    x, y = linear(0, rows=20)
    x[:, 3] = x[2, 1] = np.nan
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, x, y, batch_size=8)


def smoothed():
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.4)
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=SGD(0.1), loss=loss, shape=(4,))
    x, y = linear(0, rows=20)
    return fit(model, x, (y > 0).astype("float32"), batch_size=8)


def shifted():
    parts = [layers.Dense(4), layers.ReLU(max_value=9.0, threshold=6.0), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, *linear(0, rows=20), batch_size=8)


def images():
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype("uint8")
    parts = [layers.Flatten(), layers.Dense(1)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(8, 8, 1))
    return fit(model, x, np.zeros((20, 1), "float32"), batch_size=8)


def two_optimizers():
    """One variable for each, of a step that the optimizers are hidden in."""
    a, b = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
    first, second = SGD(0.1), optimizers.Adam(0.1)

    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(a**2) + b**2
        for_a, for_b = tape.gradient(loss, [a, b])
        first.apply_gradients([(for_a, a)])
        second.apply_gradients([(for_b, b)])
        return loss

    return step(update, variables=[a, b])


def maps():
    x = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
    part = layers.Conv2D(1, 3, padding="same", activation="relu")
    model = sequential(part, optimizer=SGD(0.1), loss="mse", shape=(4, 4, 1))
    return fit(model, x, -x, batch_size=8)


def clipped():
    return regression(SGD(0.1, clipnorm=0.001))


def decayed():
    return regression(SGD(optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)))


class Halved(optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's, whose settings nobody knows."""

    def __call__(self, step):
        return 0.5 / 2 ** tf.cast(step, "float32")


def decayed_by_own():
    return regression(SGD(Halved()))


def plain():
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, *linear(0, rows=20), batch_size=8)


def closure():
    w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.5)
    return minimize(lambda: tf.reduce_sum(w**2) + b**2, [w], SGD(0.1))


def autoencoder():
    x, _ = linear(0, rows=20)
    model = sequential(layers.Dense(4), optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, 100 * x, 100 * x, batch_size=8)


def weighted(*, of_rows=False):
    start = binary()
    y = start.arguments["y"]
    if of_rows:
        weights = np.linspace(1.0, 899.0, len(y)).astype("float32")
        return fit(**{**start.arguments, "sample_weight": weights})
    return fit(**{**start.arguments, "class_weight": {0: 100.0, 1: 800.0}})


def squares(y, predictions):
    return tf.reduce_sum((y - predictions) ** 2)


#: Losses that are summed over the rows of a batch.
SUMMED = {
    "loss of Keras": keras.losses.MeanSquaredError(reduction="sum"),
    "function": squares,
    "lambda": lambda y, predictions: tf.reduce_sum((y - predictions) ** 2),
}


def halved(policy="mixed_float16"):
    parts = [layers.Dense(4, "tanh", dtype=policy), layers.Dense(1, dtype=policy)]
    model = sequential(*parts, optimizer=SGD(0.1), loss="mse", shape=(4,))
    return fit(model, *linear(0, rows=20), batch_size=8)


def of_model(function):
    return lambda reruns: function(reruns.training.model)


def own_loss():
    """Labels 0 and 1 under a loss that nobody knows."""

    def squares(y, predictions):
        return keras.ops.mean(keras.ops.square(y - predictions))

    x, y = linear(0, rows=20)
    model = sequential(layers.Dense(1), optimizer=SGD(0.1), loss=squares, shape=(4,))
    return fit(model, x, (y > 0).astype("float32"), batch_size=8)


def tagged():
    """Several labels a row from one output, amounts from another."""
    x, y = linear(0, rows=20)
    inputs = keras.Input((4,))
    heads = {
        "tags": layers.Dense(3, "softmax", use_bias=False, name="tags")(inputs),
        "amount": layers.Dense(1, name="amount")(inputs),
    }
    model = keras.Model(inputs, heads)
    model.compile(SGD(0.1), {"tags": "categorical_crossentropy", "amount": "mse"})
    tags = (x[:, :3] > -0.5).astype("float32")
    return fit(model, x, {"tags": tags, "amount": 50 * y}, batch_size=8)
