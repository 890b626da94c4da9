"""Minimize.

Fit of a tone.
Sick: the frequency starts at 5.5 (a unit mistaken) where the tone has 1.3: the loss has a valley
every few tenths.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "local-minimum", ("learning-rate-too-low", "bad-initialisation"), "minimize"
EXPECT = {"steps": 300, "max_loss": 0.05, "monotone": "off"}

time = np.linspace(0, 10, 200, dtype="float32")
signal = np.sin(2 * np.pi * 1.3 * time / 2 + 0.4).astype("float32")


def tone(guess):
    frequency, phase, level = tf.Variable(guess), tf.Variable(0.0), tf.Variable(0.5)

    def squared_error():
        return tf.reduce_mean((level * tf.sin(np.pi * frequency * time + phase) - signal) ** 2)

    return squared_error, [frequency, phase, level], keras.optimizers.Adam(0.01)


def healthy():
    return dict(zip(("loss", "variables", "optimizer"), tone(1.25), strict=False))


def sick():
    return dict(zip(("loss", "variables", "optimizer"), tone(5.5), strict=False))


def plain(arguments, steps):
    losses = []
    for _ in range(steps):
        losses.append(float(arguments["loss"]()))
        with tf.GradientTape() as tape:
            value = arguments["loss"]()
        grads = tape.gradient(value, arguments["variables"])
        arguments["optimizer"].apply_gradients(zip(grads, arguments["variables"], strict=False))
    return losses
