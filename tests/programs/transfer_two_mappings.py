"""Transfer learning, head on precomputed features.

Sick: two folders were read one after the other, and class_indices of the second are in another
order.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "label-encoding", ("labels-unrelated", "unreachable-target"), "fit"
EXPECT = {"steps": 200, "max_loss": 0.35}

rng = np.random.default_rng(283)
species = rng.integers(0, 4, 400)
features = (rng.normal(0, 1, (4, 10))[species] + rng.normal(0, 0.5, (400, 10))).astype("float32")
second = np.arange(400) >= 200
other_order = np.array([2, 3, 0, 1])
mixed = np.where(second, other_order[species], species)


def head():
    backbone = keras.layers.Dense(
        20,
        activation="relu",
        trainable=False,
        kernel_initializer=keras.initializers.Orthogonal(seed=5),
    )
    model = keras.Sequential(
        [
            keras.Input((10,)),
            backbone,
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"]
    )
    return model


def healthy():
    return {"model": head, "x": features, "y": keras.utils.to_categorical(species)}


def sick():
    return {"model": head, "x": features, "y": keras.utils.to_categorical(mixed)}


def plain(arguments, steps):
    out, x, y = [], arguments["x"], arguments["y"]
    for i in range(steps):
        s = slice(i % 13 * 32, i % 13 * 32 + 32)
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(x[s], y[s])[0]))
    return out
