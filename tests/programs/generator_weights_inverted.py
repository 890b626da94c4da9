"""Generator with sample weights, dict inputs.

Sensor gaps.
Sick: the mask is the wrong way round: the good rows weigh 0, and only the broken sensor's rows
count.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "labels-unrelated", ("unread-data", "unreachable-target"), "fit"
EXPECT = {"steps": 200, "max_loss": 0.12, "monotone": "off"}

rng = np.random.default_rng(379)
hour = rng.uniform(0, 24, 320)
load = rng.normal(size=320)
reading = np.sin(hour * 2 * np.pi / 24) + 0.5 * load
broken = rng.uniform(size=320) < 0.5
reading[broken] = rng.choice([-3.0, 3.0], broken.sum())


def stream(inverted):
    while True:
        for k in range(0, 320, 40):
            s = slice(k, k + 40)
            w = (broken if inverted else ~broken)[s].astype("float32")
            angle = hour[s] * 2 * np.pi / 24
            inputs = {
                "time": np.stack([np.sin(angle), np.cos(angle)], 1).astype("float32"),
                "load": load[s, None].astype("float32"),
            }
            yield inputs, reading[s, None].astype("float32"), w


def build():
    a, b = keras.Input((2,), name="time"), keras.Input((1,), name="load")
    h = keras.layers.Dense(16, "relu")(keras.layers.Concatenate()([a, b]))
    m = keras.Model({"time": a, "load": b}, keras.layers.Dense(1)(h))
    m.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return m


def healthy():
    return {"model": build, "x": stream(False)}


def sick():
    return {"model": build, "x": stream(True)}


def plain(arguments, steps):
    out = []
    while len(out) < steps:
        x, y, w = next(arguments["x"])
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(x, y, sample_weight=w)))
    return out
