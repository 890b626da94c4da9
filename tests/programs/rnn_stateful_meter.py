"""Stateful RNN.

Sick: stateful=True was dropped, and each chunk of a long series begins without what was said in
the chunk before.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "unknown", ("unreachable-target", "too-small-capacity"), "fit"
EXPECT = {"steps": 240, "max_loss": 0.08, "monotone": "off"}

# Eight streams in parallel. The target is the input of the step before; for the first of a chunk
# that is in the chunk before.
rng = np.random.default_rng(67)
series = rng.choice([-1.0, 1.0], (8, 60, 1))
delayed = np.roll(series, 1, 1)  # the streams go round
# chunk c of all 8 streams is one batch
X = np.concatenate([series[:, c * 5 : c * 5 + 5] for c in range(12)]).astype("float32")
Y = np.concatenate([delayed[:, c * 5 : c * 5 + 5] for c in range(12)]).astype("float32")


def build(stateful):
    inputs = keras.Input(batch_shape=(8, 5, 1))
    h = keras.layers.LSTM(24, return_sequences=True, stateful=stateful)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(h))
    model.compile(keras.optimizers.Adam(0.03), "mse")
    return model


def healthy():
    return {"model": lambda: build(True), "x": X, "y": Y, "batch_size": 8, "shuffle": False}


def sick():
    return {"model": lambda: build(False), "x": X, "y": Y, "batch_size": 8, "shuffle": False}


def plain(arguments, steps):
    model, losses = arguments["model"], []
    log = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda b, logs: model.reset_metrics(),
        on_train_batch_end=lambda b, logs: losses.append(logs["loss"]),
    )
    model.fit(X, Y, batch_size=8, shuffle=False, epochs=1, verbose=0, callbacks=[log])
    return losses[:steps]
