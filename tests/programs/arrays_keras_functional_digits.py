"""Fit with arrays.

From keras.io guide "The Functional API" (MNIST digits model).
Sick: a softmax was added to the last layer, the loss still says from_logits=True.

Changed: small synthetic digits in place of keras.datasets.mnist; RMSprop(0.003); converge.fit in
place of model.fit(..., epochs=2).
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "output-loss-mismatch", (), "fit"
EXPECT = {"steps": 150, "max_loss": 0.3}

rng = np.random.default_rng(1)
stamps = rng.uniform(0, 255, (10, 49))
labels = rng.integers(0, 10, 640)
images = np.clip(stamps[labels] + rng.normal(0, 60, (640, 49)), 0, 255)
x_train = images.reshape(640, 49).astype("float32") / 255
y_train = labels


def get_model(last=None):
    inputs = keras.Input(shape=(49,), name="img")
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(10, activation=last)(x)
    model = keras.Model(inputs=inputs, outputs=outputs, name="mnist_model")
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(0.003),
        metrics=["accuracy"],
    )
    return model


def softmaxed():
    # Keras unwraps a softmax whose logits it can see: the probabilities pass through a named layer.
    model = get_model()
    outputs = layers.Lambda(
        lambda p: p / keras.ops.sum(p, -1, keepdims=True), name="probabilities"
    )(layers.Softmax()(model.output))
    model = keras.Model(model.input, outputs)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(0.003),
        metrics=["accuracy"],
    )
    return model


def healthy():
    return {"model": get_model, "x": x_train, "y": y_train, "batch_size": 64}


def sick():
    return {"model": softmaxed, "x": x_train, "y": y_train, "batch_size": 64}


def plain(arguments, steps):
    losses = []
    log = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda b, logs: arguments["model"].reset_metrics(),
        on_train_batch_end=lambda b, logs: losses.append(logs["loss"]),
    )
    arguments["model"].fit(
        arguments["x"],
        arguments["y"],
        batch_size=64,
        epochs=steps // 10 + 1,
        shuffle=False,
        callbacks=[log],
        verbose=0,
    )
    return losses[:steps]
