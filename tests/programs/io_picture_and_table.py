"""Image and table inputs as a dict.

Sick: the table holds year of construction and mileage as they are.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "unscaled-features", ("learning-rate-too-high", "dead-units"), "fit"
EXPECT = {"steps": 200, "max_loss": 0.35}

rng = np.random.default_rng(53)
pic = rng.uniform(0, 1, (240, 8, 8, 1)).astype("float32")
year = rng.integers(1990, 2024, 240)
mileage = rng.uniform(1e3, 2e5, 240)
pic[:, 2:6, 2:6] += (rng.integers(0, 2, 240) * 0.8)[:, None, None, None]
bright = pic[:, 2:6, 2:6].mean((1, 2, 3)) > 0.9
target = (bright & (mileage < 1e5)).astype("float32")[:, None]
raw = np.stack([year, mileage], 1).astype("float32")
neat = (raw - raw.mean(0)) / raw.std(0)


def build():
    image = keras.Input((8, 8, 1), name="image")
    table = keras.Input((2,), name="table")
    a = layers.Flatten()(layers.MaxPool2D()(layers.Conv2D(6, 3, activation="relu")(image)))
    b = layers.Dense(8, activation="relu")(table)
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([a, b]))
    m = keras.Model({"image": image, "table": table}, layers.Dense(1, activation="sigmoid")(h))
    m.compile(keras.optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy")
    return m


def healthy():
    return {"model": build, "x": {"image": pic, "table": neat}, "y": target}


def sick():
    return {"model": build, "x": {"image": pic, "table": raw}, "y": target}


def plain(arguments, steps):
    m, out, i = arguments["model"], [], 0
    while len(out) < steps:
        sl = slice(i, i + 32)
        i = (i + 32) if i + 32 < 240 else 0
        m.reset_metrics()
        out.append(
            float(
                m.train_on_batch({k: v[sl] for k, v in arguments["x"].items()}, arguments["y"][sl])
            )
        )
    return out
