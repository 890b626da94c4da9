"""Minimize with an optimizer of tf.compat.v1.train.

Poisson likelihood of counts.
Sick: GradientDescentOptimizer(1e-6).
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-low", ("too-few-steps",), "minimize"
EXPECT = {"steps": 200, "max_loss": 0.15}

rng = np.random.default_rng(239)
dose = rng.uniform(-1, 1, 150).astype("float32")
counts = rng.poisson(np.exp(1.2 + 0.8 * dose)).astype("float32")
# deviance relative to the best two parameters, found once by iteratively reweighted least squares
D = np.stack([np.ones(150), dose], 1)
beta = np.zeros(2)
for _ in range(30):
    mu = np.exp(D @ beta)
    beta += np.linalg.solve(D.T @ (mu[:, None] * D), D.T @ (counts - mu))
best = float(np.mean(np.exp(D @ beta) - counts * (D @ beta)))


def regression(rate):
    b0, b1 = tf.Variable(0.0), tf.Variable(0.0)

    def excess():
        eta = b0 + b1 * dose
        return tf.reduce_mean(tf.exp(eta) - counts * eta) - best

    return {
        "loss": excess,
        "variables": [b0, b1],
        "optimizer": tf.compat.v1.train.GradientDescentOptimizer(rate),
    }


def healthy():
    return regression(0.1)


def sick():
    return regression(1e-6)


def plain(arguments, steps):
    out = []
    for _ in range(steps):
        out.append(arguments["loss"]().numpy())
        arguments["optimizer"].minimize(arguments["loss"], var_list=arguments["variables"])
    return out
