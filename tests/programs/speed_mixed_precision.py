"""Mixed precision (mixed_float16 on the layers, LossScaleOptimizer in compile).

Sick: a column of volumes near 1e5 overflows float16.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "unscaled-features", (), "fit"
EXPECT = {"steps": 150, "max_loss": 0.3}

rng = np.random.default_rng(293)
volume = rng.lognormal(11.5, 0.5, 256)
others = rng.normal(size=(256, 3))
y = (np.log(volume) - 11.5 + 0.4 * others[:, 0] > 0).astype("float32")[:, None]
raw = np.concatenate([volume[:, None], others], 1).astype("float32")
ready = raw.copy()
ready[:, 0] = (np.log(volume) - 11.5) / 0.5


def build(policy="mixed_float16"):
    inputs = keras.Input((4,))
    h = keras.layers.Dense(16, activation="relu", dtype=policy)(inputs)
    h = keras.layers.Dense(16, activation="relu", dtype=policy)(h)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32")(h)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale=1024.0),
        "binary_crossentropy",
        auto_scale_loss=False,
    )
    return model


def healthy():
    return {"model": build, "x": ready, "y": y}


def sick():
    return {"model": build, "x": raw, "y": y}


def compared():
    # Half precision may round sums in another order.
    return {"model": lambda: build("float32"), "x": ready, "y": y}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        s = slice(i % 8 * 32, i % 8 * 32 + 32)
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(arguments["x"][s], arguments["y"][s])))
    return out
