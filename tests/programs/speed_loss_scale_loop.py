"""Mixed precision in an own loop (bfloat16 layers, loss scaled by hand).

Sick: the gradients are not divided by the scale of 1024 before plain SGD.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-high", ("dead-units",), "step"
EXPECT = {"steps": 200, "max_loss": 0.3, "monotone": "off"}
SCALE = 1024.0

rng = np.random.default_rng(313)
x = rng.normal(size=(256, 8)).astype("float32")
y = np.argmax(x @ rng.normal(size=(8, 3)), 1)
batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)


def loop(unscale, policy="mixed_bfloat16"):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(32, "relu", dtype=policy),
            keras.layers.Dense(3, dtype="float32"),
        ]
    )
    sgd = keras.optimizers.SGD(0.2)
    sgd.build(model.trainable_variables)

    @tf.function
    def step(xb, yb):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(yb, model(xb, training=True))
            )
            scaled = loss * SCALE
        grads = tape.gradient(scaled, model.trainable_variables)
        if unscale:
            grads = [g / SCALE for g in grads]
        sgd.apply_gradients(zip(grads, model.trainable_variables, strict=False))
        return loss

    return {"step": step, "variables": model.trainable_variables, "data": batches, "optimizer": sgd}


def healthy():
    return loop(True)


def sick():
    return loop(False)


def compared():
    return loop(True, "float32")


def plain(arguments, steps):
    return [float(arguments["step"](*b)) for b in arguments["data"].repeat().take(steps)]
