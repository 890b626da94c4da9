"""Two optimizers in one step (optimizer=[ftrl, adam]).

Wide-and-deep loop.
Sick: the deep part decays its weights with 50 (AdamW(weight_decay=50.0)).
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "regularisation-too-strong", (), "step"
EXPECT = {"steps": 250, "max_loss": 0.25, "monotone": "off"}

rng = np.random.default_rng(199)
dense = rng.normal(size=(320, 4)).astype("float32")
cross = np.eye(12, dtype="float32")[rng.integers(0, 12, 320)]
label = ((dense[:, 0] * dense[:, 1] + cross @ rng.normal(0, 1.5, 12)) > 0).astype("float32")[
    :, None
]
batches = tf.data.Dataset.from_tensor_slices((cross, dense, label)).batch(32)


def setup(decay):
    wide = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1)])
    deep = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(1)]
    )
    ftrl = keras.optimizers.Ftrl(0.3)
    adam = keras.optimizers.AdamW(0.02, weight_decay=decay)
    ftrl.build(wide.trainable_variables)
    adam.build(deep.trainable_variables)

    @tf.function
    def step(c, d, y):
        with tf.GradientTape() as tape:
            logits = wide(c) + deep(d)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))
        gw, gd = tape.gradient(
            loss,
            [
                [v.value for v in wide.trainable_variables],
                [v.value for v in deep.trainable_variables],
            ],
        )
        ftrl.apply(gw, wide.trainable_variables)
        adam.apply(gd, deep.trainable_variables)
        return loss

    return {
        "step": step,
        "variables": wide.trainable_variables + deep.trainable_variables,
        "data": batches,
        "optimizer": [ftrl, adam],
    }


def healthy():
    return setup(1e-4)


def sick():
    return setup(50.0)


def plain(arguments, steps):
    batches = arguments["data"].repeat().take(steps)
    return [float(arguments["step"](*batch)) for batch in batches]
