"""Transfer learning.

A backbone trained on another task is fine-tuned on rings.
Sick: base_model.trainable = False stayed in for a backbone whose features do not suit the new
task.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "frozen-variables", ("too-small-capacity", "unreachable-target"), "fit"
EXPECT = {"steps": 250, "max_loss": 0.3}

rng = np.random.default_rng(271)
x = rng.uniform(-2, 2, (320, 2)).astype("float32")
rings = (np.sin(3 * np.linalg.norm(x, axis=1)) > 0).astype("float32")[:, None]
OLD_TASK_1 = rng.normal(size=(2, 32)).astype("float32") * [[1.0], [0.02]]
OLD_TASK_2 = rng.normal(size=(32, 32)).astype("float32") * 0.25


def backbone():
    base_model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
        ],
        name="base",
    )
    base_model.set_weights(
        [OLD_TASK_1, np.zeros(32), OLD_TASK_2, np.zeros(32)]
    )  # stands for load_weights(...)
    return base_model


def build(trainable):
    base_model = backbone()
    base_model.trainable = trainable
    inputs = keras.Input((2,))
    outputs = layers.Dense(1, activation="sigmoid")(base_model(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["binary_accuracy"])
    return model


def healthy():
    return {"model": lambda: build(True), "x": x, "y": rings}


def sick():
    return {"model": lambda: build(False), "x": x, "y": rings}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        s = slice(i % 10 * 32, i % 10 * 32 + 32)
        arguments["model"].reset_metrics()
        out.append(arguments["model"].train_on_batch(x[s], rings[s], return_dict=True)["loss"])
    return out
