"""Denoising diffusion in small: a network learns the noise that was added, at every strength.

Noise and strength are drawn in every step; the seed of the test fixes them.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

rng = np.random.default_rng(0)
images = np.sign(rng.normal(size=(256, 1))) * np.linspace(-1, 1, 8)
images = (images + 0.05 * rng.normal(size=images.shape)).astype("float32")


class DiffusionModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.network = keras.Sequential(
            [
                keras.Input((9,)),
                keras.layers.Dense(48, "swish"),
                keras.layers.Dense(48, "swish"),
                keras.layers.Dense(8),
            ]
        )

    def train_step(self, images):
        noises = tf.random.normal(tf.shape(images))
        times = tf.random.uniform((tf.shape(images)[0], 1))
        angles = 0.2 + 1.2 * times
        noisy = tf.cos(angles) * images + tf.sin(angles) * noises
        with tf.GradientTape() as tape:
            predicted = self.network(tf.concat([noisy, times], axis=-1), training=True)
            loss = tf.reduce_mean((noises - predicted) ** 2)
        gradients = tape.gradient(loss, self.network.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_weights, strict=True))
        return {"loss": loss}


@pytest.mark.converges(steps=300, max_loss=0.5)
def test_diffusion(converge):
    model = DiffusionModel()
    model.compile(keras.optimizers.AdamW(0.005, weight_decay=1e-4))
    converge.fit(model, images)
