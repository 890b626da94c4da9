"""Custom layer.

Sick: the quantising layer rounds without a straight-through gradient, so that nothing before it
learns.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", ("too-small-capacity",), "fit"
EXPECT = {"steps": 300, "max_loss": 0.25}

rng = np.random.default_rng(41)
x = rng.normal(size=(300, 5)).astype("float32")
y = ((x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3]) > 0).astype("float32")[:, None]


class Quantise(keras.layers.Layer):
    def __init__(self, levels=8, straight_through=True):
        super().__init__()
        self.levels, self.straight_through = levels, straight_through

    def call(self, h):
        q = tf.round(h * self.levels) / self.levels
        return h + tf.stop_gradient(q - h) if self.straight_through else q


def build(straight_through=True):
    model = keras.Sequential(
        [
            keras.layers.Input((5,)),
            keras.layers.Dense(16, activation="tanh"),
            keras.layers.Dense(16, activation="tanh"),
            Quantise(8, straight_through),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=0.02))
    return model


def healthy():
    return {"model": build, "x": x, "y": y, "batch_size": 50}


def sick():
    return {"model": lambda: build(False), "x": x, "y": y, "batch_size": 50}


def plain(arguments, steps):
    losses = []
    ds = tf.data.Dataset.from_tensor_slices((arguments["x"], arguments["y"])).batch(50).repeat()
    for xb, yb in ds.take(steps):
        arguments["model"].reset_metrics()
        losses.append(arguments["model"].train_on_batch(xb, yb, return_dict=True)["loss"])
    return losses
