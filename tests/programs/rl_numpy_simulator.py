"""Own loop with a call of numpy in it.

A cooling curve is fitted through a simulator.
Sick: the simulator was called with rate.numpy(), and no gradient reaches the rate.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", (), "step"
EXPECT = {"steps": 150, "max_loss": 0.02}

times = np.linspace(0, 4, 40).astype("float32")
measured = (
    0.3 + 2.0 * np.exp(-1.7 * times) + np.random.default_rng(191).normal(0, 0.03, 40)
).astype("float32")


def simulate(rate):
    """Euler, 400 steps, in numpy; returns the curve and its derivative by the rate."""
    h, v, d, out, slope = 0.01, 1.0, 0.0, [], []
    for k in range(400):
        if k % 10 == 0:
            out.append(v)
            slope.append(d)
        v, d = v - h * rate * v, d - h * (v + rate * d)
    return np.array(out[:40], "float32"), np.array(slope[:40], "float32")


@tf.custom_gradient
def cooling(rate):
    curve, slope = simulate(float(rate))
    return tf.constant(curve), lambda upstream: tf.reduce_sum(upstream * slope)


def fit(with_gradient):
    rate, amplitude, floor = tf.Variable(0.3), tf.Variable(1.0), tf.Variable(0.0)
    optimizer = keras.optimizers.Adam(0.08)
    weights = [rate, amplitude, floor]

    def step():
        with tf.GradientTape() as tape:
            shape = cooling(rate) if with_gradient else simulate(rate.numpy())[0]
            loss = tf.reduce_mean((floor + amplitude * shape - measured) ** 2)
        grads = tape.gradient(loss, weights)
        optimizer.apply_gradients(
            [(g, v) for g, v in zip(grads, weights, strict=False) if g is not None]
        )
        return loss

    return {"step": step, "variables": weights, "optimizer": optimizer}


def healthy():
    return fit(True)


def sick():
    return fit(False)


def plain(arguments, steps):
    return [float(arguments["step"]()) for _ in range(steps)]
