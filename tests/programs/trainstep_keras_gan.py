"""Own train_step, two optimizers.

From keras.io guide "Customizing what happens in fit" (end-to-end GAN).
Sick: the generator's optimizer got 50.0 in place of 0.005.

Changed: a two-dimensional ring in place of MNIST with dense networks; the returned dict also has
"loss", the squared distance between the moments of real and generated rows, to have something to
expect.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CAUSE, ALSO, VERB = "learning-rate-too-high", (), "fit"
EXPECT = {"steps": 300, "max_loss": 0.5, "monotone": "off"}

rng = np.random.default_rng(12)
real = (np.array([2.0, -1.0]) + rng.normal(size=(512, 2)) * [0.5, 0.3]).astype("float32")


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim, fixed_noise=False):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.fixed_noise = fixed_noise
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.built = True

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def draw(self, n):
        if self.fixed_noise:
            return tf.reshape(
                tf.sin(tf.range(tf.cast(n * self.latent_dim, tf.float32)) * 1.7),
                (n, self.latent_dim),
            )
        return keras.random.normal((n, self.latent_dim), seed=self.seed_generator)

    def train_step(self, real_images):
        if isinstance(real_images, tuple):
            real_images = real_images[0]
        batch_size = tf.shape(real_images)[0]
        generated_images = self.generator(self.draw(batch_size))
        gap = tf.reduce_sum(
            (tf.reduce_mean(generated_images, 0) - tf.reduce_mean(real_images, 0)) ** 2
        )
        combined_images = tf.concat([generated_images, real_images], axis=0)
        labels = tf.concat([tf.ones((batch_size, 1)), tf.zeros((batch_size, 1))], axis=0)

        with tf.GradientTape() as tape:
            predictions = self.discriminator(combined_images)
            d_loss = self.loss_fn(labels, predictions)
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(
            zip(grads, self.discriminator.trainable_weights, strict=False)
        )

        misleading_labels = tf.zeros((batch_size, 1))
        noise = self.draw(batch_size)
        with tf.GradientTape() as tape:
            predictions = self.discriminator(self.generator(noise))
            g_loss = self.loss_fn(misleading_labels, predictions)
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=False))

        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {
            "d_loss": self.d_loss_tracker.result(),
            "g_loss": self.g_loss_tracker.result(),
            "loss": gap,
        }


def build(g_rate=0.005, fixed_noise=False):
    discriminator = keras.Sequential(
        [keras.Input((2,)), layers.Dense(16), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1)]
    )
    generator = keras.Sequential(
        [keras.Input((4,)), layers.Dense(16), layers.LeakyReLU(negative_slope=0.2), layers.Dense(2)]
    )
    gan = GAN(discriminator, generator, latent_dim=4, fixed_noise=fixed_noise)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.005, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(learning_rate=g_rate, beta_1=0.5),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return gan


def healthy():
    return {"model": build, "x": real, "batch_size": 64}


def sick():
    return {"model": lambda: build(50.0), "x": real, "batch_size": 64}


def compared():
    return {"model": lambda: build(fixed_noise=True), "x": real, "batch_size": 64}


def plain(arguments, steps):
    gan, out = arguments["model"], []
    for i in range(steps):
        k = i % 8 * 64
        out.append(float(gan.train_on_batch(arguments["x"][k : k + 64], return_dict=True)["loss"]))
    return out
