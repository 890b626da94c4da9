"""Fit with `validation_split` and `epochs`, as `model.fit` takes them.

Sick: the rows are sorted by class, and the split takes the last quarter, a class that the training
never sees.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "unshuffled-data", ("unknown", "labels-unrelated"), "fit"
EXPECT = {"metrics": {"val_accuracy": (0.7, None)}}

rng = np.random.default_rng(349)
labels = np.repeat(np.arange(4), 80)
rows = (rng.normal(0, 1.3, (4, 6))[labels] + rng.normal(0, 0.5, (320, 6))).astype("float32")
order = rng.permutation(320)


def build():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def healthy():
    return {
        "model": build,
        "x": rows[order],
        "y": labels[order],
        "epochs": 20,
        "batch_size": 24,
        "validation_split": 0.25,
    }


def sick():
    return {
        "model": build,
        "x": rows,
        "y": labels,
        "epochs": 20,
        "batch_size": 24,
        "validation_split": 0.25,
    }


def plain(arguments, steps):
    out = []
    train = slice(0, 240)
    x, y = arguments["x"][train], arguments["y"][train]
    for i in range(steps):
        arguments["model"].reset_metrics()
        k = i % 10 * 24
        out.append(float(arguments["model"].train_on_batch(x[k : k + 24], y[k : k + 24])[0]))
    return out
