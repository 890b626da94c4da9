"""Strings go into the model (TextVectorization is its first layer, tf-idf).

Spam filter.
Sick: the classes arrive as -1 and 1.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "label-encoding", ("output-loss-mismatch",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3, "metrics": {"accuracy": (0.85, None)}}

rng = np.random.default_rng(83)
SPAM, HAM = ["win", "cash", "prize", "click"], ["meeting", "report", "lunch", "thanks"]
COMMON = ["please", "today", "the", "for", "your", "we", "now"]
mails, y = [], []
for _ in range(200):
    s = bool(rng.integers(2))
    own = SPAM if s else HAM
    mails.append(" ".join([*rng.choice(COMMON, 5), *rng.choice(own, 2)]))
    y.append(1 if s else -1)
mails = tf.constant(mails)[:, None]
y = np.array(y)


def build():
    vec = keras.layers.TextVectorization(output_mode="tf_idf", max_tokens=40)
    vec.adapt(mails)
    inp = keras.Input((1,), dtype="string")
    h = keras.layers.Dense(8, activation="relu")(vec(inp))
    model = keras.Model(inp, keras.layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def healthy():
    return {"model": build, "x": mails, "y": (y > 0).astype("int32")}


def sick():
    return {"model": build, "x": mails, "y": y}


def plain(arguments, steps):
    m, x, t = arguments["model"], arguments["x"], arguments["y"]
    out = []
    while True:
        for i in range(0, 200, 32):
            m.reset_metrics()
            out.append(
                float(m.train_on_batch(x[i : i + 32], t[i : i + 32], return_dict=True)["loss"])
            )
            if len(out) == steps:
                return out
