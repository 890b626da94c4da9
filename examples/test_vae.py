"""A variational autoencoder with a `train_step` of its own."""

import keras
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

PIXELS = (load_digits().data / 16.0).astype("float32")


def network(inputs, hidden, outputs):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(outputs),
        ]
    )


class VariationalAutoencoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = network(64, 32, 8)
        self.decoder = network(4, 32, 64)
        self.noise = keras.random.SeedGenerator(1)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_variance = tf.split(self.encoder(data), 2, axis=-1)
            noise = keras.random.normal(tf.shape(mean), seed=self.noise)
            code = mean + noise * tf.exp(0.5 * log_variance)
            errors = tf.nn.sigmoid_cross_entropy_with_logits(data, self.decoder(code))
            spread = 1 + log_variance - mean**2 - tf.exp(log_variance)
            loss = tf.reduce_mean(
                tf.reduce_sum(errors, axis=-1) - 0.5 * tf.reduce_sum(spread, axis=-1)
            )
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


@pytest.mark.converges(steps=300, max_loss=30)
def test_vae(converge):
    model = VariationalAutoencoder()
    model.compile(keras.optimizers.Adam(0.003))
    converge.fit(model, PIXELS, batch_size=64)
