"""Physics-informed network with data.

Steady heat -k u'' = q along a rod.
Sick: the position goes into the tanh network in millimetres, 0 to 1000.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unscaled-features", ("plateau", "bad-initialisation"), "step"
EXPECT = {"steps": 300, "max_loss": 0.05, "monotone": "off"}

metres = np.linspace(0, 1, 32, dtype="float32")[:, None]
temperature = np.sin(np.pi * metres)
source = np.pi**2 * np.sin(np.pi * metres)


def rod(unit):
    x = tf.constant(metres * unit)
    net = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(16, "tanh"),
            keras.layers.Dense(1),
        ]
    )
    opt = keras.optimizers.Adam(0.01)

    def loss_fn():
        with tf.GradientTape() as t2:
            t2.watch(x)
            with tf.GradientTape() as t1:
                t1.watch(x)
                u = net(x)
            u_x = t1.gradient(u, x)
        u_xx = t2.gradient(u_x, x) * unit**2
        return 0.001 * tf.reduce_mean((u_xx + source) ** 2) + tf.reduce_mean((u - temperature) ** 2)

    def step():
        with tf.GradientTape() as tape:
            loss = loss_fn()
        w = net.trainable_weights
        opt.apply(tape.gradient(loss, w), w)
        return loss

    return {"step": step, "variables": net.trainable_weights, "optimizer": opt}


def healthy():
    return rod(1.0)


def sick():
    return rod(1000.0)


def plain(arguments, steps):
    compiled = tf.function(arguments["step"], reduce_retracing=True)
    return [float(compiled()) for _ in range(steps)]
