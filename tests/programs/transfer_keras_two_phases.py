"""Transfer learning in two phases.

From keras.io guide "Transfer learning & fine-tuning" (frozen base, then "round of fine-tuning of
the entire model").
Sick: the second phase was compiled with Adam(3.0) in place of a very low rate.

Changed: a small convolutional base with computed filters in place of Xception; the first phase is
a plain model.fit in the builder, the second one is converge.fit; Adam(0.01).
"""

import keras
import numpy as np

CAUSE, ALSO, VERB = "learning-rate-too-high", (), "fit"
EXPECT = {"steps": 120, "max_loss": 0.35, "monotone": "off"}

rng = np.random.default_rng(277)
new_y = rng.integers(0, 2, 192).astype("float32")
new_x = rng.normal(0.3, 0.3, (192, 10, 10, 1)).astype("float32")
for k in np.flatnonzero(new_y):
    i, j = rng.integers(0, 7, 2)
    new_x[k, i : i + 3, j : j + 3] += np.eye(3)[..., None] * 1.3
for k in np.flatnonzero(1 - new_y):
    i, j = rng.integers(0, 7, 2)
    new_x[k, i : i + 3, j : j + 3] += np.eye(3)[::-1, :, None] * 1.3
filters = rng.normal(0, 0.4, (3, 3, 1, 12)).astype("float32")


def build(fine_tuning_rate):
    base_model = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            keras.layers.Conv2D(12, 3, activation="relu"),
        ]
    )
    base_model.set_weights([filters, np.zeros(12)])
    base_model.trainable = False

    inputs = keras.Input(shape=(10, 10, 1))
    x = base_model(inputs, training=False)
    x = keras.layers.GlobalMaxPooling2D()(x)
    outputs = keras.layers.Dense(1)(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    model.fit(new_x, new_y[:, None], epochs=3, shuffle=False, verbose=0)

    # Unfreeze the base model
    base_model.trainable = True
    model.compile(
        optimizer=keras.optimizers.Adam(fine_tuning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    return model


def healthy():
    return {"model": lambda: build(0.01), "x": new_x, "y": new_y[:, None]}


def sick():
    return {"model": lambda: build(3.0), "x": new_x, "y": new_y[:, None]}


def plain(arguments, steps):
    losses = []
    for i in range(steps):
        s = slice(i % 6 * 32, i % 6 * 32 + 32)
        arguments["model"].reset_metrics()
        losses.append(
            float(
                arguments["model"].train_on_batch(
                    arguments["x"][s], arguments["y"][s], return_dict=True
                )["loss"]
            )
        )
    return losses
