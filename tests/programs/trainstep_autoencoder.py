"""Own train_step.

Autoencoder with two parts.
Sick: the gradients are taken for the decoder's weights alone.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", (), "fit"
EXPECT = {"steps": 300, "max_loss": 0.05}

rng = np.random.default_rng(31)
code = rng.normal(size=(320, 3))
X = np.tanh(code @ rng.normal(size=(3, 16))).astype("float32")


class Autoencoder(keras.Model):
    def __init__(self, forget_encoder=False):
        super().__init__()
        self.encoder = keras.Sequential(
            [keras.Input((16,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(3)]
        )
        self.decoder = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(16)]
        )
        self.forget_encoder = forget_encoder
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.decoder(self.encoder(x))

    @property
    def metrics(self):
        return [self.loss_tracker]

    def train_step(self, data):
        x = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(x - self(x, training=True)))
        trained = (
            self.decoder.trainable_variables if self.forget_encoder else self.trainable_variables
        )
        self.optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained, strict=False))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, x):
        self.loss_tracker.update_state(tf.reduce_mean(tf.square(x - self(x))))
        return {"loss": self.loss_tracker.result()}


def build(forget_encoder=False):
    model = Autoencoder(forget_encoder)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    return model


def healthy():
    return {"model": build, "x": X}


def sick():
    return {"model": lambda: build(True), "x": X}


def plain(arguments, steps):
    model, x = arguments["model"], arguments["x"]
    losses = []
    for i in range(steps):
        xb = x[(i % 10) * 32 : (i % 10) * 32 + 32]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((xb - model.decoder(model.encoder(xb))) ** 2)
        w = model.trainable_variables
        model.optimizer.apply_gradients(zip(tape.gradient(loss, w), w, strict=False))
        losses.append(float(loss))
    return losses
