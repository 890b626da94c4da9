"""CNN.

Sick: bias_initializer=Constant(-10) was copied from the output layer of a detector into the
convolution, every ReLU starts at 0.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "dead-units", ("bad-initialisation",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3}

rng = np.random.default_rng(151)
pictures = rng.normal(0, 0.4, (200, 9, 9, 3)).astype("float32")
label = rng.integers(0, 2, 200)
pictures[label == 1, 3:6, 3:6, 0] += 0.8


def build(bias):
    net = keras.Sequential(
        [
            layers.Input((9, 9, 3)),
            layers.Conv2D(8, 3, activation="relu", bias_initializer=bias),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    net.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    net.optimizer.learning_rate = 0.005
    return net


def healthy():
    return {
        "model": lambda: build("zeros"),
        "x": pictures,
        "y": label.astype("float32")[:, None],
        "batch_size": 25,
    }


def sick():
    return {
        "model": lambda: build(keras.initializers.Constant(-10.0)),
        "x": pictures,
        "y": label.astype("float32")[:, None],
        "batch_size": 25,
    }


def plain(arguments, steps):
    collected = []
    model, x, y = (arguments[k] for k in ("model", "x", "y"))
    for i in range(steps):
        model.reset_metrics()
        collected.append(
            model.train_on_batch(x[i % 8 * 25 :][:25], y[i % 8 * 25 :][:25], return_dict=True)[
                "loss"
            ]
        )
    return collected
