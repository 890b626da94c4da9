"""Fit with arrays.

Sick: prices in dollars go straight into the mean squared error.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "unscaled-targets", ("learning-rate-too-low",), "fit"
EXPECT = {"steps": 250, "metrics": {"r2_score": (0.8, None)}}

rng = np.random.default_rng(5)
area = rng.uniform(40, 220, 400)
rooms = np.round(area / 30 + rng.normal(0, 0.7, 400))
age = rng.uniform(0, 80, 400)
dollars = 2100 * area + 9000 * rooms - 1200 * age + 60000 + rng.normal(0, 12000, 400)
X = np.stack([area, rooms, age], 1)
X = ((X - X.mean(0)) / X.std(0)).astype("float32")
y_raw = dollars.astype("float32")[:, None]
y_std = (y_raw - y_raw.mean()) / y_raw.std()


def build():
    model = keras.Sequential()
    model.add(keras.layers.Input(shape=(3,)))
    model.add(keras.layers.Dense(16, activation="relu"))
    model.add(keras.layers.Dense(16, activation="relu"))
    model.add(keras.layers.Dense(1))
    model.compile(
        loss="mse",
        optimizer=keras.optimizers.Adam(0.005),
        metrics=[keras.metrics.R2Score(name="r2_score")],
    )
    return model


def healthy():
    return {"model": build, "x": X, "y": y_std, "batch_size": 40}


def sick():
    return {"model": build, "x": X, "y": y_raw, "batch_size": 40}


def plain(arguments, steps):
    losses = []

    class Keep(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.reset_metrics()

        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    a = arguments
    a["model"].fit(
        a["x"],
        a["y"],
        batch_size=a["batch_size"],
        shuffle=False,
        epochs=1 + steps // 10,
        callbacks=[Keep()],
        verbose=0,
    )
    return losses[:steps]
