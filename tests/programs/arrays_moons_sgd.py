"""Fit with arrays.

Sick: SGD with learning rate 20 on a small classifier.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-high", ("dead-units",), "fit"
EXPECT = {"steps": 300, "max_loss": 0.25}

g = np.random.default_rng(3)
t = g.uniform(0, np.pi, 150)
X = np.concatenate([np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.4 - np.sin(t)]]) + g.normal(
    0, 0.1, (300, 2)
)
X = X.astype(np.float32)
y = np.r_[np.zeros(150), np.ones(150)].astype(np.float32)[:, None]


def network(rate):
    m = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(24, "relu"),
            keras.layers.Dense(24, "relu"),
            keras.layers.Dense(1),
        ]
    )
    m.compile(
        keras.optimizers.SGD(rate, momentum=0.9), keras.losses.BinaryCrossentropy(from_logits=True)
    )
    return m


def healthy():
    return {"model": lambda: network(0.1), "x": X, "y": y}


def sick():
    return {"model": lambda: network(20.0), "x": X, "y": y}


def plain(arguments, steps):
    m = arguments["model"]
    n, out = 0, []
    while len(out) < steps:
        xb, yb = arguments["x"][n : n + 32], arguments["y"][n : n + 32]
        n = 0 if n + 32 >= len(arguments["x"]) else n + 32
        with tf.GradientTape() as tape:
            loss = m.compute_loss(x=xb, y=yb, y_pred=m(xb, training=True))
        m.optimizer.apply_gradients(
            zip(tape.gradient(loss, m.trainable_weights), m.trainable_weights, strict=False)
        )
        out.append(float(loss))
    return out
