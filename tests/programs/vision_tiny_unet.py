"""U-Net-like segmentation.

After keras.io "Image segmentation with a U-Net-like architecture".
Sick: weights of the rare lesion pixels were left out (they are one in fifty), recall stays low.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "class-imbalance", ("too-few-steps", "learning-rate-too-low"), "fit"
EXPECT = {"steps": 120, "metrics": {"recall": (0.7, None)}}

rng = np.random.default_rng(139)
images = rng.normal(0, 0.5, (96, 12, 12, 1)).astype("float32")
masks = np.zeros((96, 12, 12, 1), "float32")
for k, (i, j) in enumerate(rng.integers(1, 10, (96, 2))):
    images[k, i : i + 2, j : j + 2] += 0.9
    masks[k, i : i + 2, j : j + 2] = 1
weights = np.where(masks == 1, 20.0, 1.0).astype("float32")[..., 0]


def unet():
    inputs = keras.Input((12, 12, 1))
    c1 = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    p1 = layers.MaxPooling2D()(c1)
    c2 = layers.Conv2D(10, 3, padding="same", activation="relu")(p1)
    u1 = layers.Conv2DTranspose(6, 2, strides=2)(c2)
    c3 = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.concatenate([u1, c1]))
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(c3)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(0.005),
        loss="binary_crossentropy",
        metrics=[keras.metrics.Recall(name="recall")],
    )
    return model


def healthy():
    return {"model": unet, "x": images, "y": masks, "sample_weight": weights, "batch_size": 16}


def sick():
    return {"model": unet, "x": images, "y": masks, "batch_size": 16}


def plain(arguments, steps):
    m, out = arguments["model"], []
    for i in range(steps):
        s = slice(i % 6 * 16, i % 6 * 16 + 16)
        m.reset_metrics()
        w = arguments.get("sample_weight")
        out.append(
            float(
                m.train_on_batch(
                    images[s], masks[s], sample_weight=None if w is None else w[s], return_dict=True
                )["loss"]
            )
        )
    return out
