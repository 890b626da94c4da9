"""Two outputs, lists of targets.

Sick: the price is given in cents and its squared error drowns the classification.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "unscaled-targets", (), "fit"
EXPECT = {"steps": 250, "metrics": {"kind_accuracy": (0.8, None)}}

rng = np.random.default_rng(47)
features = rng.normal(size=(320, 7)).astype("float32")
kind = (features[:, 0] * features[:, 1] > 0).astype("int32")
price = (30 + 8 * features[:, 2] + 5 * features[:, 3] + rng.normal(0, 1, 320)).astype("float32")[
    :, None
]
price_z = (price - price.mean()) / price.std()


def build():
    inp = keras.Input((7,))
    trunk = keras.layers.Dense(32, activation="relu")(inp)
    trunk = keras.layers.Dense(32, activation="relu")(trunk)
    cost = keras.layers.Dense(1, name="cost")(trunk)
    kind_out = keras.layers.Dense(2, activation="softmax", name="kind")(trunk)
    m = keras.Model(inp, [cost, kind_out])
    m.compile(
        keras.optimizers.Adam(0.01),
        loss=["mse", "sparse_categorical_crossentropy"],
        metrics=[[], ["accuracy"]],
    )
    return m


def healthy():
    return {"model": build, "x": features, "y": [price_z, kind]}


def sick():
    return {"model": build, "x": features, "y": [price * 100, kind]}


def plain(arguments, steps):
    model, rows = arguments["model"], []
    cb = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: model.reset_metrics(),
        on_train_batch_end=lambda batch, logs: rows.append(logs["loss"]),
    )
    model.fit(
        arguments["x"],
        arguments["y"],
        shuffle=False,
        epochs=1 + steps // 10,
        verbose=0,
        callbacks=[cb],
    )
    return rows[:steps]
