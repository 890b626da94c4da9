"""Minimize.

Matrix factorisation with missing entries.
Sick: both factors start at exactly zero, where all gradients vanish.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "saddle-point", ("bad-initialisation",), "minimize"
EXPECT = {"steps": 300, "max_loss": 0.05}

rng = np.random.default_rng(233)
full = (rng.normal(size=(15, 2)) @ rng.normal(size=(2, 12))).astype("float32")
seen = tf.constant((rng.uniform(size=full.shape) < 0.7).astype("float32"))
matrix = tf.constant(full)


def factorise(spread):
    u = tf.Variable(tf.random.normal((15, 3)) * spread)
    v = tf.Variable(tf.random.normal((12, 3)) * spread)

    def loss():
        return tf.reduce_sum(
            seen * (tf.matmul(u, v, transpose_b=True) - matrix) ** 2
        ) / tf.reduce_sum(seen)

    return {"loss": loss, "variables": [u, v], "optimizer": keras.optimizers.Adam(0.05)}


def healthy():
    return factorise(0.3)


def sick():
    return factorise(0.0)


def plain(arguments, steps):
    losses = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = arguments["loss"]()
        arguments["optimizer"].apply(
            tape.gradient(value, arguments["variables"]), arguments["variables"]
        )
        losses.append(float(value))
    return losses
