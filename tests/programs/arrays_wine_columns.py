"""Fit with arrays.

Sick: one column is in raw milligrams (hundreds to thousands), nobody scaled the table.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "unscaled-features", ("learning-rate-too-high",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3}

rng = np.random.default_rng(11)
N = 240
kind = rng.integers(0, 3, N)
alcohol = 12 + kind * 0.8 + rng.normal(0, 0.4, N)
colour = 3 + 2 * (kind == 1) + rng.normal(0, 0.6, N)
proline = 500 + 400 * (kind == 2) + rng.normal(0, 90, N)
table = np.stack([alcohol, colour, proline], 1).astype("float32")
scaled = (table - table.mean(0)) / table.std(0)


def build():
    inputs = keras.Input((3,))
    h = layers.Dense(12, activation="relu")(inputs)
    out = layers.Dense(3, activation="softmax")(h)
    model = keras.Model(inputs, out)
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def healthy():
    return {"model": build, "x": scaled, "y": kind}


def sick():
    return {"model": build, "x": table, "y": kind}


def plain(arguments, steps):
    model, x, y = arguments["model"], arguments["x"], arguments["y"]
    losses, at = [], 0
    for _ in range(steps):
        if at >= len(x):
            at = 0
        model.reset_metrics()
        losses.append(
            model.train_on_batch(x[at : at + 32], y[at : at + 32], return_dict=True)["loss"]
        )
        at += 32
    return losses
