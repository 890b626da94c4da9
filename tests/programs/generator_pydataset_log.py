"""Fit with a `keras.utils.PyDataset` that computes its rows.

Spectrograms.
Sick: np.log of a power that is exactly 0 in silent frames gives -inf (the healthy one adds 1e-6).
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "nonfinite-data", (), "fit"
EXPECT = {"steps": 150, "max_loss": 0.35}

rng = np.random.default_rng(373)
voiced = rng.integers(0, 2, 192)
power = rng.exponential(0.2, (192, 10, 6)) + voiced[:, None, None] * np.linspace(0.6, 0.05, 6)
power[rng.integers(0, 192, 5), rng.integers(0, 10, 5)] = 0.0


class Spectrograms(keras.utils.PyDataset):
    def __init__(self, floor):
        super().__init__(workers=1, use_multiprocessing=False)
        self.floor = floor

    def __len__(self):
        return 12

    def __getitem__(self, i):
        rows = slice(i * 16, i * 16 + 16)
        with np.errstate(divide="ignore"):
            return np.log(power[rows] + self.floor).astype("float32"), voiced[rows].astype(
                "float32"
            )[:, None]


def build():
    inp = keras.Input((10, 6))
    h = keras.layers.Conv1D(12, 3, activation="tanh")(inp)
    h = keras.layers.GlobalAveragePooling1D()(h)
    model = keras.Model(inp, keras.layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy())
    return model


def healthy():
    return {"model": build, "x": Spectrograms(1e-6)}


def sick():
    return {"model": build, "x": Spectrograms(0.0)}


def compared():
    return {"model": build, "x": Spectrograms(1e-6), "shuffle": False}


def plain(arguments, steps):
    losses = []
    for i in range(steps):
        x, y = arguments["x"][i % 12]
        arguments["model"].reset_metrics()
        losses.append(float(arguments["model"].train_on_batch(x, y)))
    return losses
