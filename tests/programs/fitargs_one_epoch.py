"""Fit with `epochs` and `steps_per_epoch` of a repeated dataset.

Sick: epochs=1 was left from a smoke run, five updates are all there is.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "too-few-steps", ("learning-rate-too-low",), "fit"
EXPECT = {"max_loss": 0.06}

rng = np.random.default_rng(353)
x = rng.uniform(-1, 1, (400, 2)).astype("float32")
y = np.sin(3 * x[:, :1]) * np.cos(2 * x[:, 1:])


def dataset():
    return tf.data.Dataset.from_tensor_slices((x, y.astype("float32"))).batch(40).repeat()


def build():
    h = inputs = keras.Input((2,))
    for _ in range(3):
        h = keras.layers.Dense(32, activation="tanh")(h)
    model = keras.Model(inputs, keras.layers.Dense(1)(h))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def healthy():
    return {"model": build, "x": dataset(), "epochs": 60, "steps_per_epoch": 5}


def sick():
    return {"model": build, "x": dataset(), "epochs": 1, "steps_per_epoch": 5}


def plain(arguments, steps):
    out, stream = [], iter(arguments["x"])
    for _ in range(steps):
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(*next(stream))))
    return out
