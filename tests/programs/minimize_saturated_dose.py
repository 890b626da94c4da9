"""Minimize.

Dose-response curve (four-parameter logistic).
Sick: the midpoint starts at 600 (micrograms for milligrams), where the curve is flat.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "plateau", ("bad-initialisation", "learning-rate-too-low"), "minimize"
EXPECT = {"steps": 250, "max_loss": 0.02}

dose = np.linspace(0, 6, 60, dtype="float32")
response = (
    1 / (1 + np.exp(-2.5 * (dose - 2.8))) + np.random.default_rng(241).normal(0, 0.03, 60)
).astype("float32")


def model(midpoint):
    mid, slope = tf.Variable(midpoint, name="ed50"), tf.Variable(1.0, name="slope")

    def loss():
        return tf.reduce_mean(tf.square(tf.sigmoid(slope * (dose - mid)) - response))

    return loss, [mid, slope], keras.optimizers.Adam(0.05)


def healthy():
    loss, variables, optimizer = model(1.0)
    return {"loss": loss, "variables": variables, "optimizer": optimizer}


def sick():
    loss, variables, optimizer = model(600.0)
    return {"loss": loss, "variables": variables, "optimizer": optimizer}


def plain(arguments, steps):
    losses = []
    while len(losses) < steps:
        with tf.GradientTape() as tape:
            losses.append(arguments["loss"]())
        arguments["optimizer"].apply(
            tape.gradient(losses[-1], arguments["variables"]), arguments["variables"]
        )
    return [float(v) for v in losses]
