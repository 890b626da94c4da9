"""Fit with `callbacks=[LearningRateScheduler(...)]`.

From keras.io page of LearningRateScheduler (scheduler(epoch, lr): the rate, then lr * exp(-0.1)).
Sick: exp(+1) in place of exp(-0.1), from the fourth epoch on the rate climbs for good.

Changed: data and model; the schedule holds for 3 epochs in place of 10; converge.fit in place of
model.fit.
"""

import keras
import numpy as np
from keras import ops

CAUSE, ALSO, VERB = "learning-rate-too-high", ("unknown",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3}

rng = np.random.default_rng(347)
x = rng.normal(size=(320, 5)).astype("float32")
y = np.argmax(x @ rng.normal(size=(5, 3)) + rng.normal(0, 0.1, (320, 3)), 1)


def scheduler(growth):
    def schedule(epoch, lr):
        if epoch < 3:
            return lr
        return float(lr * ops.exp(growth))

    return keras.callbacks.LearningRateScheduler(schedule)


def build():
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3)]
    )
    model.compile(
        keras.optimizers.SGD(learning_rate=0.3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def healthy():
    return {"model": build, "x": x, "y": y, "callbacks": [scheduler(-0.1)]}


def sick():
    return {"model": build, "x": x, "y": y, "callbacks": [scheduler(1.0)]}


def plain(arguments, steps):
    # the schedule leaves the first three epochs of ten batches alone
    out = []
    for i in range(steps):
        arguments["model"].reset_metrics()
        k = i % 10 * 32
        out.append(float(arguments["model"].train_on_batch(x[k : k + 32], y[k : k + 32])))
    return out
