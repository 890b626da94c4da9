"""Fit with `callbacks=[EarlyStopping(...)]`.

Sick: min_delta=1.0 with patience 1, no epoch improves the loss by that much and the training ends
after two.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "too-few-steps", ("unknown",), "fit"
EXPECT = {"steps": 240, "max_loss": 0.3}

rng = np.random.default_rng(331)
x = rng.normal(size=(256, 4)).astype("float32")
y = ((x**2).sum(1) > 3.4).astype("float32")[:, None]


def build():
    model = keras.Sequential()
    model.add(keras.Input((4,)))
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(
        loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    return model


def healthy():
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e-4, patience=5)
    return {"model": build, "x": x, "y": y, "callbacks": [stop]}


def sick():
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1.0, patience=1)
    return {"model": build, "x": x, "y": y, "callbacks": [stop]}


def plain(arguments, steps):
    losses = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: arguments["model"].reset_metrics(),
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]),
    )
    arguments["model"].fit(
        arguments["x"],
        arguments["y"],
        shuffle=False,
        epochs=2,
        verbose=0,
        callbacks=[*arguments["callbacks"], record],
    )
    return losses[:steps]
