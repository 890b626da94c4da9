"""VAE.

From keras.io example "Variational AutoEncoder".
Sick: the KL term weighs 200 in place of 1, the posterior collapses onto the prior.

Changed: dense networks for rows of 12 numbers, squared error in place of binary cross-entropy;
converge.fit in place of vae.fit; Adam(0.01).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

CAUSE, ALSO, VERB = "regularisation-too-strong", (), "fit"
EXPECT = {"steps": 250, "max_loss": 7.0}

rng = np.random.default_rng(37)
z = rng.normal(size=(320, 2))
data = (z @ rng.normal(0, 1.2, (2, 12)) + 0.1 * rng.normal(size=(320, 12))).astype("float32")


class Sampling(layers.Layer):
    """Uses (z_mean, z_log_var) to sample z, the vector encoding a digit."""

    def __init__(self, deterministic=False, **kwargs):
        super().__init__(**kwargs)
        self.deterministic = deterministic
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        if self.deterministic:
            return z_mean
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class VAE(keras.Model):
    def __init__(self, encoder, decoder, beta, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.beta = encoder, decoder, beta
        self.total_loss_tracker = keras.metrics.Mean(name="loss")
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker, self.reconstruction_loss_tracker, self.kl_loss_tracker]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder(data)
            reconstruction = self.decoder(z)
            reconstruction_loss = ops.mean(ops.sum((data - reconstruction) ** 2, axis=1))
            kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
            total_loss = reconstruction_loss + self.beta * kl_loss
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=False))
        self.total_loss_tracker.update_state(total_loss)
        self.reconstruction_loss_tracker.update_state(reconstruction_loss)
        self.kl_loss_tracker.update_state(kl_loss)
        return {
            "loss": self.total_loss_tracker.result(),
            "reconstruction_loss": self.reconstruction_loss_tracker.result(),
            "kl_loss": self.kl_loss_tracker.result(),
        }


def build(beta=1.0, deterministic=False):
    encoder_inputs = keras.Input(shape=(12,))
    x = layers.Dense(16, activation="relu")(encoder_inputs)
    z_mean = layers.Dense(2, name="z_mean")(x)
    z_log_var = layers.Dense(2, name="z_log_var")(x)
    encoder = keras.Model(
        encoder_inputs,
        [z_mean, z_log_var, Sampling(deterministic)([z_mean, z_log_var])],
        name="encoder",
    )
    latent_inputs = keras.Input(shape=(2,))
    decoder = keras.Model(
        latent_inputs,
        layers.Dense(12)(layers.Dense(16, activation="relu")(latent_inputs)),
        name="decoder",
    )
    vae = VAE(encoder, decoder, beta)
    vae.compile(optimizer=keras.optimizers.Adam(0.01))
    return vae


def healthy():
    return {"model": build, "x": data}


def sick():
    return {"model": lambda: build(beta=200.0), "x": data}


def compared():
    return {"model": lambda: build(deterministic=True), "x": data}


def plain(arguments, steps):
    vae, out = arguments["model"], []
    for i in range(steps):
        vae.reset_metrics()
        out.append(
            float(
                vae.train_step(tf.constant(arguments["x"][i % 10 * 32 : i % 10 * 32 + 32]))["loss"]
            )
        )
    return out
