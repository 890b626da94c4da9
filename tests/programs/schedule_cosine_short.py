"""Learning-rate schedule.

Cosine decay with warm-up.
Sick: decay_steps counts epochs (5) where the schedule counts batches, after a few updates the rate
is 0.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "learning-rate-too-low", (), "fit"
EXPECT = {"steps": 240, "max_loss": 0.2}

rng = np.random.default_rng(317)
x = rng.normal(size=(384, 6)).astype("float32")
y = (np.abs(x[:, :1]) + x[:, 1:2] * x[:, 2:3]).astype("float32")
y = (y - y.mean()) / y.std()


def build(decay_steps):
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.001, decay_steps=decay_steps, warmup_target=0.02, warmup_steps=3
    )
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(48, activation="swish"), keras.layers.Dense(1)]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=schedule), loss="mse")
    return model


def healthy():
    return {"model": lambda: build(240), "x": x, "y": y}


def sick():
    return {"model": lambda: build(5), "x": x, "y": y}


def plain(arguments, steps):
    out = []
    for i in range(steps):
        s = slice(i % 12 * 32, i % 12 * 32 + 32)
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(x[s], y[s])))
    return out
