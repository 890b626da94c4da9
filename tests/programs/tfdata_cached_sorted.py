"""Fit with a `tf.data` pipeline.

After the tf.data performance guide.
Sick: the rows lie in the order of their class and the pipeline does not shuffle.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unshuffled-data", ("learning-rate-too-high",), "fit"
EXPECT = {"steps": 240, "max_loss": 0.3, "monotone": "off"}
AUTOTUNE = tf.data.AUTOTUNE

rng = np.random.default_rng(9)
labels = np.repeat(np.arange(6), 320)
centres = rng.normal(0, 1.2, (6, 5))
features = (centres[labels] + rng.normal(0, 0.35, (1920, 5))).astype("float32")


def pipeline(shuffle):
    ds = tf.data.Dataset.from_tensor_slices((features, labels))
    ds = ds.map(lambda a, b: (tf.cast(a, tf.float32), b), num_parallel_calls=AUTOTUNE).cache()
    if shuffle:
        ds = ds.shuffle(1920, seed=1)
    return ds.batch(16).prefetch(AUTOTUNE)


def build():
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(6),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def healthy():
    return {"model": build, "x": pipeline(True)}


def sick():
    return {"model": build, "x": pipeline(False)}


def compared():
    return {"model": build, "x": pipeline(False)}


def plain(arguments, steps):
    model, out = arguments["model"], []
    for x, y in arguments["x"].repeat().take(steps):
        model.reset_metrics()
        out.append(float(model.train_on_batch(x, y)))
    return out
