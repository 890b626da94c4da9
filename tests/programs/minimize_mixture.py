"""Minimize, the three built by a function.

Likelihood fit of a mixture of two normals with MomentumOptimizer of v1.
Sick: both means start at the same value, by symmetry they stay together.
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "saddle-point", ("bad-initialisation", "local-minimum"), "minimize"
EXPECT = {"steps": 250, "max_loss": 2.1}

rng = np.random.default_rng(251)
sample = np.concatenate([rng.normal(-3, 0.7, 100), rng.normal(3, 0.7, 100)]).astype("float32")


def mixture(first, second):
    def build():
        mean = tf.Variable([first, second])
        log_sigma = tf.Variable([0.0, 0.0])

        def negative_log_likelihood():
            z = (sample[:, None] - mean) / tf.exp(log_sigma)
            log_density = -0.5 * z**2 - log_sigma - 0.5 * np.log(2 * np.pi) + np.log(0.5)
            return -tf.reduce_mean(tf.reduce_logsumexp(log_density, 1))

        return (
            negative_log_likelihood,
            [mean, log_sigma],
            tf.compat.v1.train.MomentumOptimizer(0.05, 0.9),
        )

    return build


def healthy():
    return {"loss": mixture(-0.5, 0.7)}


def sick():
    return {"loss": mixture(0.3, 0.3)}


def plain(arguments, steps):
    loss, variables, optimizer = arguments["loss"]()
    out = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = loss()
        out.append(float(value))
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=False))
    return out
