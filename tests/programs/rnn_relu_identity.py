"""Recurrent.

Sick: SimpleRNN with ReLU whose recurrent weights start at 2 times the identity, over 30 steps the
state grows 2**30-fold.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "bad-initialisation", ("exploding-gradient", "learning-rate-too-high"), "fit"
EXPECT = {"steps": 250, "max_loss": 0.3}

rng = np.random.default_rng(61)
seq = rng.uniform(0, 1, (256, 30, 2)).astype("float32")
seq[:, :, 1] = 0
marked = rng.integers(0, 15, (256, 2))
marked[:, 1] += 15
for row, (i, j) in enumerate(marked):
    seq[row, [i, j], 1] = 1
total = (seq[:, :, 0] * seq[:, :, 1]).sum(1, keepdims=True)
y = (total > 1).astype("float32")
seq = np.concatenate([seq, np.repeat(np.cumsum(seq[:, :, :1] * seq[:, :, 1:], 1), 1, 2)], 2).astype(
    "float32"
)


def build(gain):
    model = keras.Sequential(
        [
            keras.Input((30, 3)),
            keras.layers.SimpleRNN(
                16, activation="relu", recurrent_initializer=keras.initializers.Identity(gain)
            ),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model


def healthy():
    return {"model": lambda: build(0.5), "x": seq, "y": y}


def sick():
    return {"model": lambda: build(2.0), "x": seq, "y": y}


def plain(arguments, steps):
    m, out = arguments["model"], []
    for i in range(steps):
        s = slice(i % 8 * 32, i % 8 * 32 + 32)
        m.reset_metrics()
        out.append(
            float(m.train_on_batch(arguments["x"][s], arguments["y"][s], return_dict=True)["loss"])
        )
    return out
