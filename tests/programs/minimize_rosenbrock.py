"""Minimize.

The valley of Rosenbrock from the usual start (-1.2, 1).
Sick: momentum 0.9995.
"""

import keras
import tensorflow as tf

CAUSE, ALSO, VERB = (
    "momentum-too-high",
    ("learning-rate-too-high", "learning-rate-too-low", "too-few-steps"),
    "minimize",
)
EXPECT = {"steps": 300, "max_loss": 0.05, "monotone": "off"}


def rosenbrock(momentum):
    x, y = tf.Variable(-1.2), tf.Variable(1.0)

    def f():
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    return {
        "loss": f,
        "variables": [x, y],
        "optimizer": keras.optimizers.SGD(5e-4, momentum=momentum),
    }


def healthy():
    return rosenbrock(0.95)


def sick():
    return rosenbrock(0.9995)


def plain(arguments, steps):
    values = []
    for _ in range(steps):
        with tf.GradientTape() as g:
            v = arguments["loss"]()
        arguments["optimizer"].apply_gradients(
            zip(g.gradient(v, arguments["variables"]), arguments["variables"], strict=False)
        )
        values.append(v.numpy())
    return values
