"""Fit with `steps_per_execution=8`.

Sick: kernel_regularizer=L2(2.0) where 1e-4 was meant (the healthy bound allows for the small
penalty).
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "regularisation-too-strong", (), "fit"
EXPECT = {"steps": 240, "max_loss": 0.25}

rng = np.random.default_rng(311)
x = rng.normal(size=(512, 5)).astype("float32")
y = (x[:, 0] ** 2 - x[:, 1] ** 2 > 0).astype("int32")


def build(strength):
    l2 = keras.regularizers.L2(strength)
    net = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(32, activation="relu", kernel_regularizer=l2),
            keras.layers.Dense(2, kernel_regularizer=l2),
        ]
    )
    net.compile(
        optimizer=keras.optimizers.Nadam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=8,
    )
    return net


def healthy():
    return {"model": lambda: build(1e-4), "x": x, "y": y}


def sick():
    return {"model": lambda: build(2.0), "x": x, "y": y}


def compared():
    return {"model": lambda: build(1e-4), "x": x, "y": y}


def plain(arguments, steps):
    net, out = arguments["model"], []
    for i in range(steps):
        xb, yb = arguments["x"][i % 16 * 32 :][:32], arguments["y"][i % 16 * 32 :][:32]
        with tf.GradientTape() as tape:
            loss = net.loss(yb, net(xb, training=True)) + sum(net.losses)
        net.optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        out.append(float(loss))
    return out
