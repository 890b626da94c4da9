"""Own loop, hand-written momentum.

Sick: the velocity has the sign of the gradient, and the step climbs.
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "uphill-steps", ("unknown",), "step"
EXPECT = {"steps": 150, "max_loss": 0.3}

rng = np.random.default_rng(181)
X = tf.constant(rng.normal(size=(200, 4)).astype("float32"))
Y = tf.constant((rng.normal(size=200) * 0.3 + X.numpy() @ [1, 2, -1, 0.5] > 0).astype("float32"))


def setup(sign):
    w = tf.Variable(tf.random.normal((4,)) * 0.1)
    b = tf.Variable(0.0)
    velocity = [tf.Variable(tf.zeros_like(v), trainable=False) for v in (w, b)]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(Y, tf.linalg.matvec(X, w) + b)
            )
        for v, m, g in zip((w, b), velocity, tape.gradient(loss, (w, b)), strict=False):
            m.assign(0.9 * m + sign * 0.1 * g)
            v.assign_add(m)
        return loss

    return {"step": step, "variables": [w, b]}


def healthy():
    return setup(-1.0)


def sick():
    return setup(1.0)


def plain(arguments, steps):
    return [float(arguments["step"]()) for _ in range(steps)]
