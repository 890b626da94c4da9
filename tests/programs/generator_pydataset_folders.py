"""Fit with a `keras.utils.PyDataset`.

From keras.io page of PyDataset (CIFAR10PyDataset).
Sick: the files are listed folder by folder (a class after the other) and batches are taken in this
order with a large rate of Adam.

Changed: arrays in place of files; a dense model; converge.fit in place of model.fit.
"""

import math

import keras
import numpy as np

CAUSE, ALSO, VERB = "unshuffled-data", ("learning-rate-too-high",), "fit"
EXPECT = {"steps": 240, "max_loss": 0.35, "monotone": "off"}

rng = np.random.default_rng(367)
folder = np.repeat(np.arange(5), 384)
files = (rng.normal(0, 1.0, (5, 8))[folder] + rng.normal(0, 0.6, (1920, 8))).astype("float32")
shuffled = rng.permutation(1920)


class ImagesPyDataset(keras.utils.PyDataset):
    def __init__(self, x_set, y_set, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y = x_set, y_set
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, idx):
        low = idx * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high], self.y[low:high]


def build():
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(24, activation="relu"),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    return model


def healthy():
    return {
        "model": build,
        "x": ImagesPyDataset(files[shuffled], folder[shuffled], 16),
        "shuffle": False,
    }


def sick():
    return {"model": build, "x": ImagesPyDataset(files, folder, 16), "shuffle": False}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        arguments["model"].reset_metrics()
        out.append(
            float(arguments["model"].train_on_batch(*arguments["x"][i % len(arguments["x"])]))
        )
    return out
