"""Fit with arrays.

Sick: the survey codes "no" as 1 and "yes" as 2, and binary cross-entropy reads these as
probabilities.
"""

import keras
import numpy as np

CAUSE = "label-encoding"
ALSO = ("output-loss-mismatch",)
VERB = "fit"
EXPECT = {"steps": 200, "max_loss": 0.35, "metrics": {"binary_accuracy": (0.8, None)}}

rs = np.random.RandomState(42)
answers = rs.normal(size=(320, 8)).astype("float32")
signal = answers @ rs.normal(size=8) + 0.3 * rs.normal(size=320)
codes = np.where(signal > 0, 2, 1)


def make_model():
    inp = keras.Input(shape=(8,), name="answers")
    x = keras.layers.Dense(16, activation="tanh")(inp)
    x = keras.layers.Dense(1, activation="sigmoid", name="bought")(x)
    model = keras.Model(inp, x)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["binary_accuracy"])
    model.optimizer.learning_rate = 0.01
    return model


def healthy():
    return {"model": make_model, "x": answers, "y": (codes - 1).astype("float32"), "batch_size": 16}


def sick():
    return {"model": make_model, "x": answers, "y": codes.astype("float32"), "batch_size": 16}


def plain(arguments, steps):
    model, bs = arguments["model"], arguments["batch_size"]
    losses = []
    for i in range(steps):
        rows = slice(i * bs, (i + 1) * bs)  # 320 rows are enough for 20 steps
        model.reset_metrics()
        losses.append(float(model.train_on_batch(arguments["x"][rows], arguments["y"][rows])[0]))
    return losses
