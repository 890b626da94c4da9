"""Fit with arrays.

Sick: twelve layers of sigmoids where the healthy ones are ReLUs; no gradient reaches the first.
"""

import keras
import numpy as np
from keras.layers import Dense, Input

CAUSE = "vanishing-gradient"
ALSO = ("plateau", "bad-initialisation")
VERB = "fit"
EXPECT = {"steps": 250, "max_loss": 0.3}

rng = np.random.default_rng(77)
x_train = rng.normal(size=(384, 6)).astype("float32")
y_train = ((x_train[:, 0] * x_train[:, 1] > 0).astype(int) + 2 * (x_train[:, 2] > 0)).astype(
    "int64"
)


def deep(activation):
    model = keras.models.Sequential([Input((6,))])
    for _ in range(10):
        model.add(
            Dense(
                24,
                activation=activation,
                kernel_initializer="he_normal" if activation == "relu" else "glorot_uniform",
            )
        )
    model.add(Dense(4, activation="softmax"))
    model.compile(
        keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def healthy():
    return {"model": lambda: deep("relu"), "x": x_train, "y": y_train, "batch_size": 64}


def sick():
    return {"model": lambda: deep("sigmoid"), "x": x_train, "y": y_train, "batch_size": 64}


def plain(arguments, steps):
    a, out = arguments, []
    starts = [i for _ in range(steps) for i in range(0, len(a["x"]), a["batch_size"])][:steps]
    for s in starts:
        a["model"].reset_metrics()
        out.append(
            a["model"].train_on_batch(
                a["x"][s : s + a["batch_size"]], a["y"][s : s + a["batch_size"]], return_dict=True
            )["loss"]
        )
    return out
