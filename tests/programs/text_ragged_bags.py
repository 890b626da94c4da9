"""Ragged input, own loop, tf.function.

Sick: the list of variables leaves the embedding table out.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", (), "step"
EXPECT = {"steps": 250, "max_loss": 0.3}

rng = np.random.default_rng(101)
BASKETS = [rng.integers(0, 60, rng.integers(1, 9)).tolist() for _ in range(240)]
LOVED = rng.permutation(60)[:30]
TARGET = np.array([np.isin(b, LOVED).mean() > 0.5 for b in BASKETS], "float32")[:, None]


def setup(forget):
    table = tf.Variable(tf.random.normal((60, 2), stddev=0.3), name="table")
    head = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)]
    )
    opt = keras.optimizers.Adam(0.03)
    variables = [v.value for v in head.trainable_variables]
    if not forget:
        variables.append(table)
    opt.build(variables)

    @tf.function
    def step(baskets, y):
        with tf.GradientTape() as tape:
            means = tf.reduce_mean(tf.gather(table, baskets), axis=1)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, head(means)))
        opt.apply(tape.gradient(loss, variables), variables)
        return loss

    ragged = tf.ragged.constant(BASKETS, dtype=tf.int32)
    data = [(ragged[i : i + 40], tf.constant(TARGET[i : i + 40])) for i in range(0, 240, 40)]
    return {"step": step, "variables": variables, "data": data, "optimizer": opt}


def healthy():
    return setup(False)


def sick():
    return setup(True)


def plain(arguments, steps):
    data = arguments["data"]
    return [float(arguments["step"](*data[i % len(data)])) for i in range(steps)]
