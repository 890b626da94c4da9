"""Own train_step.

After keras.io "Denoising Diffusion Implicit Models".
Sick: the target noise is drawn a second time and is not the noise that was added.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "labels-unrelated", ("unreachable-target", "unknown"), "fit"
EXPECT = {"steps": 300, "max_loss": 0.6}

rng = np.random.default_rng(19)
images = np.sign(rng.normal(size=(256, 1))) * np.linspace(-1, 1, 8)
images = (images + 0.05 * rng.normal(size=images.shape)).astype("float32")


class Diffusion(keras.Model):
    def __init__(self, fresh, random=True):
        super().__init__()
        self.fresh, self.random = fresh, random
        self.net = keras.Sequential(
            [
                keras.Input((9,)),
                keras.layers.Dense(48, "swish"),
                keras.layers.Dense(48, "swish"),
                keras.layers.Dense(8),
            ]
        )
        self.noise_loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.noise_loss_tracker]

    def noise(self, x):
        if self.random:
            return tf.random.normal(tf.shape(x))
        return tf.sin(1e3 * x)

    def train_step(self, x):
        noises = self.noise(x)
        times = (
            tf.random.uniform((tf.shape(x)[0], 1)) if self.random else tf.abs(tf.cos(99 * x[:, :1]))
        )
        angle = 0.2 + times * 1.2
        noisy = tf.cos(angle) * x + tf.sin(angle) * noises
        target = self.noise(x) if self.fresh else noises
        with tf.GradientTape() as tape:
            pred = self.net(tf.concat([noisy, times], -1), training=True)
            loss = tf.reduce_mean((pred - target) ** 2)
        grads = tape.gradient(loss, self.net.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.net.trainable_weights, strict=False))
        self.noise_loss_tracker.update_state(loss)
        return {m.name: m.result() for m in self.metrics}


def build(fresh=False, random=True):
    model = Diffusion(fresh, random)
    model.compile(optimizer=keras.optimizers.AdamW(learning_rate=0.005, weight_decay=1e-4))
    return model


def healthy():
    return {"model": build, "x": images}


def sick():
    return {"model": lambda: build(fresh=True), "x": images}


def compared():
    return {"model": lambda: build(random=False), "x": images}


def plain(arguments, steps):
    out, model = [], arguments["model"]
    for i in range(steps):
        model.reset_metrics()
        out.append(
            float(model.train_step(tf.constant(arguments["x"][32 * (i % 8) :][:32]))["loss"])
        )
    return out
