"""Fit with a `tf.data` pipeline.

Sick: padded_batch fills up with zeros to 40, and the Embedding has no mask_zero, so that the LSTM
ends on zeros.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unmasked-padding", (), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3}

rng = np.random.default_rng(8)
SENTENCES, LABELS = [], []
for _ in range(256):
    n = int(rng.integers(3, 9))
    words = rng.integers(1, 12, n)
    SENTENCES.append(words.astype("int32"))
    LABELS.append(int(words[-1] > 5))


def dataset():
    ds = tf.data.Dataset.from_generator(
        lambda: zip(SENTENCES, LABELS, strict=False),
        output_signature=(tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32)),
    )
    return ds.padded_batch(32, padded_shapes=([40], [])).cache()


def build(mask):
    model = keras.Sequential(
        [
            keras.Input((40,), dtype="int32"),
            keras.layers.Embedding(12, 8, mask_zero=mask),
            keras.layers.LSTM(12),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def healthy():
    return {"model": lambda: build(True), "x": dataset()}


def sick():
    return {"model": lambda: build(False), "x": dataset()}


def plain(arguments, steps):
    model = arguments["model"]
    losses = []
    while True:
        for x, y in arguments["x"]:
            model.reset_metrics()
            losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
            if len(losses) == steps:
                return losses
