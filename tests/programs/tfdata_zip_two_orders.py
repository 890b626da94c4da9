"""Fit with a `tf.data` pipeline.

Sick: features and labels are two datasets, and each is shuffled before they are zipped.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "labels-unrelated", ("unreachable-target",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.35}

rng = np.random.default_rng(21)
sensors = rng.normal(size=(300, 6)).astype("float32")
fault = (sensors[:, 0] - sensors[:, 3] + 0.5 * sensors[:, 4] > 0.2).astype("float32")


def dataset(shuffle_first):
    a = tf.data.Dataset.from_tensor_slices(sensors)
    b = tf.data.Dataset.from_tensor_slices(fault)
    if shuffle_first:
        a, b = a.shuffle(300, seed=3), b.shuffle(300, seed=4)
        return tf.data.Dataset.zip(a, b).batch(30)
    return tf.data.Dataset.zip(a, b).shuffle(300, seed=3).batch(30)


def build():
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("rmsprop", "binary_crossentropy")
    model.optimizer.learning_rate.assign(0.01)
    return model


def healthy():
    return {"model": build, "x": dataset(False)}


def sick():
    return {"model": build, "x": dataset(True)}


def compared():
    return {
        "model": build,
        "x": tf.data.Dataset.zip(*map(tf.data.Dataset.from_tensor_slices, (sensors, fault))).batch(
            30
        ),
    }


def plain(arguments, steps):
    net, losses = arguments["model"], []
    it = iter(arguments["x"].repeat())
    for _ in range(steps):
        xb, yb = next(it)
        with tf.GradientTape() as tape:
            p = net(xb, training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(yb[:, None], p))
        net.optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        losses.append(float(loss))
    return losses
