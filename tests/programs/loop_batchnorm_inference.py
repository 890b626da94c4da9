"""Own loop.

Sick: the step calls model(x) without training=True, and the batch normalisation behind sums of
large numbers does nothing.
"""

import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

CAUSE, ALSO, VERB = "batch-normalisation", ("unscaled-features", "learning-rate-too-high"), "step"
EXPECT = {"steps": 200, "max_loss": 0.3, "monotone": "off"}

rng = np.random.default_rng(173)
x = (rng.normal(size=(320, 5)) * [400, 90, 3000, 5, 60] + [2000, 10, 5000, 0, 300]).astype(
    "float32"
)
y = (((x - x.mean(0)) / x.std(0)) @ [1, -1, 0.6, 1, -0.5] > 0).astype("float32")[:, None]


def setup(training):
    model = keras.Sequential(
        [layers.Input((5,)), layers.BatchNormalization(), layers.Dense(16, "relu"), layers.Dense(1)]
    )
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)

    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = bce(yb, model(xb, training=True) if training else model(xb))
        optimizer.apply_gradients(
            zip(
                tape.gradient(loss, model.trainable_variables),
                model.trainable_variables,
                strict=False,
            )
        )
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    return {
        "step": step,
        "variables": model.trainable_variables,
        "data": data,
        "optimizer": optimizer,
    }


def healthy():
    return setup(True)


def sick():
    return setup(False)


def plain(arguments, steps):
    fast = tf.function(arguments["step"])
    return [float(fast(*batch)) for batch in arguments["data"].repeat().take(steps)]
