"""Fit with `callbacks=[ReduceLROnPlateau(...)]`.

Sick: mode="max" on the loss: every epoch that improves counts as none, the rate is cut to a tenth
each time.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "harmful-callback", ("learning-rate-too-low",), "fit"
EXPECT = {"steps": 240, "max_loss": 0.25}

rng = np.random.default_rng(337)
t = rng.uniform(-2, 2, (240, 1)).astype("float32")
wave = (np.sin(3 * t) * 0.8 + rng.normal(0, 0.05, t.shape)).astype("float32")
basis = np.concatenate([t, t**2, t**3 / 4], 1)


def make():
    i = keras.Input((3,))
    h = keras.layers.Dense(40, "tanh")(i)
    h = keras.layers.Dense(40, "tanh")(h)
    m = keras.Model(i, keras.layers.Dense(1)(h))
    m.compile(keras.optimizers.Adam(0.01), loss="mean_absolute_error")
    return m


def arguments(mode):
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=1, mode=mode, min_delta=0.0
    )
    return {"model": make, "x": basis, "y": wave, "batch_size": 30, "callbacks": [plateau]}


def healthy():
    return {
        **arguments("min"),
        "callbacks": [keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=5)],
    }


def sick():
    return arguments("max")


def plain(arguments, steps):
    m, got = arguments["model"], []

    class Log(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            return m.reset_metrics()

        def on_train_batch_end(self, batch, logs=None):
            return got.append(logs["loss"])

    m.fit(
        basis,
        wave,
        batch_size=30,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=arguments["callbacks"] + [Log()],
    )
    return got[:steps]
