"""Own loop, tf.function.

From keras.io guide "Writing a training loop from scratch in TensorFlow".
Sick: the optimizer is made inside of the step (which therefore runs uncompiled).

Changed: a regression on synthetic rows in place of MNIST (mean squared error); the loop over
epochs is converge.step; Adam(0.02) in both.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "optimizer-reset", ("learning-rate-too-high",), "step"
EXPECT = {"steps": 120, "max_loss": 0.09, "monotone": "off"}

rng = np.random.default_rng(163)
x_train = rng.normal(size=(512, 20)).astype("float32")
y_train = np.tanh(x_train @ rng.normal(size=(20, 1)) / 4).astype("float32")


def get_model():
    inputs = keras.Input(shape=(20,), name="digits")
    x1 = keras.layers.Dense(64, activation="relu")(inputs)
    outputs = keras.layers.Dense(1, name="predictions")(x1)
    return keras.Model(inputs=inputs, outputs=outputs)


def batches():
    return tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(16)


def healthy():
    model = get_model()
    optimizer = keras.optimizers.Adam(learning_rate=0.02)
    loss_fn = keras.losses.MeanSquaredError()
    train_metric = keras.metrics.MeanAbsoluteError()

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss_value = loss_fn(y, logits)
        grads = tape.gradient(loss_value, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        train_metric.update_state(y, logits)
        return loss_value

    return {
        "step": train_step,
        "variables": model.trainable_weights,
        "data": batches(),
        "optimizer": optimizer,
    }


def sick():
    model = get_model()
    loss_fn = keras.losses.MeanSquaredError()

    def train_step(x, y):
        optimizer = keras.optimizers.Adam(learning_rate=0.02)
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss_value = loss_fn(y, logits)
        grads = tape.gradient(loss_value, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        return loss_value

    return {"step": train_step, "variables": model.trainable_weights, "data": batches()}


def plain(arguments, steps):
    return [float(arguments["step"](x, y)) for x, y in arguments["data"].repeat().take(steps)]
