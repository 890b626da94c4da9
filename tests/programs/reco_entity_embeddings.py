"""Entity embeddings of categories.

Shop sales.
Sick: Adagrad at 1e-4, as a tutorial for another optimizer had it.
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "learning-rate-too-low", ("too-few-steps",), "fit"
EXPECT = {"steps": 250, "max_loss": 0.15}

rng = np.random.default_rng(127)
n = 512
shop, weekday, promo = rng.integers(0, 30, n), rng.integers(0, 7, n), rng.integers(0, 2, n)
log_sales = (
    rng.normal(size=30)[shop]
    + 0.5 * rng.normal(size=7)[weekday]
    + 0.8 * promo
    + rng.normal(0, 0.1, n)
)
log_sales = ((log_sales - log_sales.mean()) / log_sales.std()).astype("float32")
X = {"shop": shop, "weekday": weekday, "promo": promo.astype("float32")}


def build(rate):
    a = keras.Input((), name="shop", dtype="int32")
    b = keras.Input((), name="weekday", dtype="int32")
    c = keras.Input((1,), name="promo")
    h = keras.layers.concatenate(
        [keras.layers.Embedding(30, 6)(a), keras.layers.Embedding(7, 3)(b), c]
    )
    h = keras.layers.Dense(24, activation="relu")(h)
    model = keras.Model([a, b, c], keras.layers.Dense(1)(h))
    model.compile(optimizer=keras.optimizers.Adagrad(rate), loss="mean_squared_error")
    return model


def healthy():
    return {"model": lambda: build(0.1), "x": X, "y": log_sales[:, None]}


def sick():
    return {"model": lambda: build(1e-4), "x": X, "y": log_sales[:, None]}


def plain(arguments, steps):
    losses = []
    for i in range(steps):
        k = 32 * (i % 16)
        rows = {name: column[k : k + 32] for name, column in arguments["x"].items()}
        rows["promo"] = rows["promo"][:, None]
        arguments["model"].reset_metrics()
        losses.append(
            arguments["model"].train_on_batch(rows, arguments["y"][k : k + 32], return_dict=True)[
                "loss"
            ]
        )
    return losses
