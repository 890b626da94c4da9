"""Two optimizers in one step.

Encoder and decoder trained apart.
Sick: both with momentum 0.999 at an unchanged rate: the weights swing for the whole training.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "momentum-too-high", ("learning-rate-too-high",), "step"
EXPECT = {"steps": 200, "max_loss": 0.15, "monotone": "off"}

rng = np.random.default_rng(223)
z = rng.normal(size=(256, 2))
rows = (z @ rng.normal(size=(2, 10)) / 1.5).astype("float32")


class Halves:
    def __init__(self, momentum):
        self.encoder = keras.layers.Dense(2)
        self.decoder = keras.layers.Dense(10)
        self.encoder.build((None, 10))
        self.decoder.build((None, 2))
        self.opt_e = keras.optimizers.SGD(0.1, momentum=momentum)
        self.opt_d = keras.optimizers.SGD(0.1, momentum=momentum)

    def step(self, batch):
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean(tf.square(self.decoder(self.encoder(batch)) - batch))
        self.opt_e.apply_gradients(
            zip(
                tape.gradient(loss, self.encoder.trainable_weights),
                self.encoder.trainable_weights,
                strict=False,
            )
        )
        self.opt_d.apply_gradients(
            zip(
                tape.gradient(loss, self.decoder.trainable_weights),
                self.decoder.trainable_weights,
                strict=False,
            )
        )
        return {"loss": loss}

    def arguments(self):
        return {
            "step": self.step,
            "variables": self.encoder.trainable_weights + self.decoder.trainable_weights,
            "data": [(rows[i : i + 64],) for i in range(0, 256, 64)],
            "optimizer": [self.opt_e, self.opt_d],
        }


def healthy():
    return Halves(0.9).arguments()


def sick():
    return Halves(0.999).arguments()


def plain(arguments, steps):
    batches = [arguments["data"][i % 4] for i in range(steps)]
    return [float(arguments["step"](*batch)["loss"]) for batch in batches]
