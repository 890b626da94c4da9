"""Minimize.

A bowl in five variables, as in every introduction.
Sick: learning rate 1.05 where 1 is the edge.
"""

import keras
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-high", (), "minimize"
EXPECT = {"steps": 60, "max_loss": 0.01}


def bowl(rate):
    x = tf.Variable([3.0, -1.0, 0.5, 2.0, -4.0], name="x")
    goal = tf.constant([1.0, 1.0, 2.0, -1.0, 0.0])
    return {
        "loss": lambda: tf.reduce_sum((x - goal) ** 2),
        "variables": [x],
        "optimizer": keras.optimizers.SGD(rate),
    }


def healthy():
    return bowl(0.1)


def sick():
    return bowl(1.05)


def plain(arguments, steps):
    (x,) = arguments["variables"]
    rate = float(arguments["optimizer"].learning_rate.numpy())
    out = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = arguments["loss"]()
        x.assign_sub(rate * tape.gradient(value, x))
        out.append(float(value))
    return out
