"""Own loop.

Regression.
Sick: `return losses[0]` where the mean over the batch was meant: one row in 32 is learnt from.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unread-data", (), "step"
EXPECT = {"steps": 250, "max_loss": 0.12, "monotone": "off"}

rng = np.random.default_rng(179)
X = rng.normal(size=(256, 12)).astype("float32")
Y = (X @ rng.normal(size=12) / 3 + np.tanh(X[:, 0] * X[:, 1])).astype("float32")
# the rows come in batches of a fixed order, as from a file
DATA = [(X[i : i + 32], Y[i : i + 32]) for i in range(0, 256, 32)]


class Net(tf.Module):
    def __init__(self):
        self.w1 = tf.Variable(tf.random.normal((12, 24)) * 0.3)
        self.b1 = tf.Variable(tf.zeros(24))
        self.w2 = tf.Variable(tf.random.normal((24, 1)) * 0.2)

    def __call__(self, x):
        return (tf.nn.relu(x @ self.w1 + self.b1) @ self.w2)[:, 0]


def training(first_only):
    net, opt = Net(), keras.optimizers.Adam(0.01)
    weights = list(net.trainable_variables)

    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.square(net(x) - y)
            loss = losses[0] if first_only else tf.reduce_mean(losses)
        opt.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=False))
        return tf.reduce_mean(losses)

    return {"step": step, "variables": weights, "data": DATA, "optimizer": opt}


def healthy():
    return training(False)


def sick():
    return training(True)


def plain(arguments, steps):
    out = []
    for i in range(steps):
        x, y = arguments["data"][i % 8]
        out.append(arguments["step"](tf.constant(x), tf.constant(y)).numpy())
    return out
