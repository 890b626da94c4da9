"""Fit with `jit_compile=True`.

Sick: RMSprop at 3e-7 (taken over from a fine-tuning script).
"""

import keras
import numpy as np
from keras.layers import Dense

CAUSE, ALSO, VERB = "learning-rate-too-low", (), "fit"
EXPECT = {"steps": 250, "max_loss": 0.12}

rng = np.random.default_rng(307)
angle = rng.uniform(-np.pi, np.pi, (320, 2)).astype("float32")
reach = (np.cos(angle[:, :1]) + np.cos(angle[:, :1] + angle[:, 1:])).astype("float32")
inputs_ = np.concatenate([np.sin(angle), np.cos(angle)], 1)


def arm(rate):
    m = keras.Sequential([keras.Input((4,)), Dense(32, "gelu"), Dense(32, "gelu"), Dense(1)])
    m.compile(optimizer=keras.optimizers.RMSprop(rate), loss=keras.losses.Huber(), jit_compile=True)
    return m


def healthy():
    return {"model": lambda: arm(3e-3), "x": inputs_, "y": reach}


def sick():
    return {"model": lambda: arm(3e-7), "x": inputs_, "y": reach}


def plain(arguments, steps):
    m, out = arguments["model"], []
    for i in range(steps):
        b = slice(i % 10 * 32, i % 10 * 32 + 32)
        m.reset_metrics()
        out.append(float(m.train_on_batch(inputs_[b], reach[b])))
    return out
