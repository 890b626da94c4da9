"""Attention with a causal mask, next token.

Sick: the head puts out logits, and the loss by its name takes them for probabilities.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "output-loss-mismatch", (), "fit"
EXPECT = {"steps": 200, "max_loss": 0.5, "monotone": "off"}

rng = np.random.default_rng(97)
start = rng.integers(0, 12, 256)
stride = rng.integers(1, 4, 256)
text = (start[:, None] + stride[:, None] * np.arange(9)) % 12  # counting by 1, 2 or 3
x, y = text[:, :-1], text[:, 1:]


def gpt(loss):
    tokens = keras.Input((8,), dtype="int32")
    h = layers.Embedding(12, 16)(tokens) + layers.Embedding(8, 16)(keras.ops.arange(8))
    for _ in range(1):
        h = layers.LayerNormalization()(
            h + layers.MultiHeadAttention(2, 8)(h, h, use_causal_mask=True)
        )
        h = layers.LayerNormalization()(
            h + layers.Dense(16)(layers.Dense(32, activation="gelu")(h))
        )
    model = keras.Model(tokens, layers.Dense(12)(h))
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def healthy():
    return {"model": lambda: gpt(logits), "x": x, "y": y}


def sick():
    return {"model": lambda: gpt("sparse_categorical_crossentropy"), "x": x, "y": y}


def plain(arguments, steps):
    m, seen = arguments["model"], []
    log = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda b, logs: m.reset_metrics(),
        on_train_batch_end=lambda b, logs: seen.append(logs["loss"]),
    )
    m.fit(x, y, shuffle=False, epochs=2, callbacks=[log], verbose=0)
    return seen[:steps]
