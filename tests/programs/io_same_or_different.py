"""Two inputs through one shared layer.

Sick: nothing between the concatenation of the two codes and the output, so that "same sign?"
cannot be expressed.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "too-small-capacity", ("unreachable-target",), "fit"
EXPECT = {"steps": 300, "max_loss": 0.25}

rng = np.random.RandomState(59)
left, right = rng.normal(size=(2, 400, 3)).astype("float32")
direction = np.array([1.0, -0.5, 0.3])
same = (np.sign(left @ direction) == np.sign(right @ direction)).astype("float32").reshape(-1, 1)


def build(hidden):
    a, b = keras.Input((3,)), keras.Input((3,))
    encode = keras.layers.Dense(4)
    h = keras.layers.Concatenate()([encode(a), encode(b)])
    if hidden:
        h = keras.layers.Dense(24, activation="relu")(h)
    model = keras.Model([a, b], keras.layers.Dense(1, activation="sigmoid")(h))
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="bce")
    return model


def healthy():
    return {"model": lambda: build(True), "x": [left, right], "y": same, "batch_size": 40}


def sick():
    return {"model": lambda: build(False), "x": [left, right], "y": same, "batch_size": 40}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        k = slice(40 * (i % 10), 40 * (i % 10) + 40)
        arguments["model"].reset_metrics()
        out.append(
            arguments["model"].train_on_batch([left[k], right[k]], same[k], return_dict=True)[
                "loss"
            ]
        )
    return out
