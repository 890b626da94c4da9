"""Gradient accumulation by hand.

Sick: the accumulators are not set back to zero after they were applied, so that every step repeats
all earlier gradients.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "uncleared-gradients", (), "step"
EXPECT = {"steps": 240, "max_loss": 0.25, "monotone": "off"}

rng = np.random.default_rng(197)
x = rng.normal(size=(256, 6)).astype("float32")
y = (np.sin(x[:, :1]) + 0.5 * x[:, 1:2]).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


def setup(clear):
    net = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(1)]
    )
    sgd = keras.optimizers.SGD(0.2)
    sums = [tf.Variable(tf.zeros_like(w.value), trainable=False) for w in net.trainable_weights]
    count = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update():
        sgd.apply([s / 4.0 for s in sums], net.trainable_weights)
        if clear:
            for s in sums:
                s.assign(tf.zeros_like(s))

    sgd.build(net.trainable_weights)

    @tf.function
    def micro_step(xb, yb):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(xb, training=True) - yb) ** 2)
        for s, g in zip(sums, tape.gradient(loss, net.trainable_weights), strict=False):
            s.assign_add(g)
        count.assign_add(1)
        if count % 4 == 0:
            update()
        return loss

    return {"step": micro_step, "variables": net.trainable_weights, "data": data, "optimizer": sgd}


def healthy():
    return setup(True)


def sick():
    return setup(False)


def plain(arguments, steps):
    return [float(arguments["step"](a, b)) for a, b in arguments["data"].repeat().take(steps)]
