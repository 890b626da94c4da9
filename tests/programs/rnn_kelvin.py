"""Recurrent.

Temperature forecast.
Sick: the target temperature is in kelvin, near 290 (the inputs are scaled).
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unscaled-targets", ("learning-rate-too-low", "too-few-steps"), "fit"
EXPECT = {"steps": 250, "metrics": {"mean_absolute_error": (None, 3.0)}}

rng = np.random.default_rng(73)
t = np.arange(700)
kelvin = 288 + 9 * np.sin(t * 2 * np.pi / 24) + rng.normal(0, 0.7, 700)
z = (kelvin - 288) / 6.4
frames = np.stack([z[i : i + 12] for i in range(600)])[..., None].astype("float32")
next_kelvin = kelvin[12:612].astype("float32")[:, None]


def build():
    model = keras.Sequential(
        [keras.Input((12, 1)), keras.layers.SimpleRNN(12), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mean_absolute_error"])
    return model


def healthy():
    return {"model": build, "x": frames, "y": next_kelvin - 288, "batch_size": 50}


def sick():
    return {"model": build, "x": frames, "y": next_kelvin, "batch_size": 50}


def plain(arguments, steps):
    m, out = arguments["model"], []
    for i in range(steps):
        xb, yb = arguments["x"][i * 50 % 600 :][:50], arguments["y"][i * 50 % 600 :][:50]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(m(xb, training=True) - yb))
        m.optimizer.apply(tape.gradient(loss, m.trainable_variables), m.trainable_variables)
        out.append(float(loss))
    return out
