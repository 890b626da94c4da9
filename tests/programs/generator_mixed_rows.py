"""Fit with a generator.

As in the many posts on fit_generator.
Sick: it draws one set of row numbers for the pictures and another for their labels.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "labels-unrelated", ("unreachable-target",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.35}

rng = np.random.default_rng(359)
LABELS = rng.integers(0, 2, 256)
PICTURES = rng.normal(0, 0.5, (256, 6, 6, 1)).astype("float32")
PICTURES[LABELS == 1, :3] += 0.6


def batch_generator(same, batch_size=32):
    draw = np.random.RandomState(1)
    while True:
        rows = draw.randint(0, 256, batch_size)
        label_rows = rows if same else draw.randint(0, 256, batch_size)
        yield PICTURES[rows], LABELS[label_rows].astype("float32").reshape(-1, 1)


def build():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model


def healthy():
    return {"model": build, "x": batch_generator(True)}


def sick():
    return {"model": build, "x": batch_generator(False)}


def plain(arguments, steps):
    out = []
    for _, (x, y) in zip(range(steps), arguments["x"], strict=False):
        arguments["model"].reset_metrics()
        out.append(arguments["model"].train_on_batch(x, y, return_dict=True)["loss"])
    return out
