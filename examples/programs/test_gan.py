"""A generative adversarial network: two optimizers, neither of them the model's own.

From keras.io, "Customizing what happens in fit() with TensorFlow", its end-to-end example
(https://keras.io/guides/custom_train_step_in_tensorflow/), with points of the plane and dense
networks in place of digits and convolutions; lines that differ otherwise end in `# changed:`.
Neither loss of a GAN says how good it is. The squared distance of the means is what is judged.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

latent_dim = 4
rng = np.random.default_rng(0)
points = (np.array([2.0, -1.0]) + rng.normal(size=(512, 2)) * [0.5, 0.3]).astype("float32")


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.seed_generator = keras.random.SeedGenerator(1337)

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def train_step(self, real_images):
        if isinstance(real_images, tuple):
            real_images = real_images[0]
        # Sample random points in the latent space
        batch_size = tf.shape(real_images)[0]
        random_latent_vectors = keras.random.normal(
            shape=(batch_size, self.latent_dim), seed=self.seed_generator
        )

        # Decode them to fake images
        generated_images = self.generator(random_latent_vectors)

        # Combine them with real images
        combined_images = tf.concat([generated_images, real_images], axis=0)

        # Assemble labels discriminating real from fake images
        labels = tf.concat([tf.ones((batch_size, 1)), tf.zeros((batch_size, 1))], axis=0)
        # Add random noise to the labels - important trick!
        labels += 0.05 * keras.random.uniform(tf.shape(labels), seed=self.seed_generator)

        # Train the discriminator
        with tf.GradientTape() as tape:
            predictions = self.discriminator(combined_images)
            d_loss = self.loss_fn(labels, predictions)
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(
            zip(grads, self.discriminator.trainable_weights, strict=True)
        )

        # Sample random points in the latent space
        random_latent_vectors = keras.random.normal(
            shape=(batch_size, self.latent_dim), seed=self.seed_generator
        )

        # Assemble labels that say "all real images"
        misleading_labels = tf.zeros((batch_size, 1))

        # Train the generator (note that we should *not* update the weights
        # of the discriminator)!
        with tf.GradientTape() as tape:
            predictions = self.discriminator(self.generator(random_latent_vectors))
            g_loss = self.loss_fn(misleading_labels, predictions)
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))

        # Update metrics and return their value.
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {
            "d_loss": self.d_loss_tracker.result(),
            "g_loss": self.g_loss_tracker.result(),
            "gap": distance(generated_images, real_images),  # changed: what is judged
        }


def distance(generated, real):
    return tf.reduce_sum((tf.reduce_mean(generated, 0) - tf.reduce_mean(real, 0)) ** 2)


def test_gan(converge):
    discriminator = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(16),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(1),
        ]
    )
    generator = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(16),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Dense(2),
        ]
    )
    gan = GAN(discriminator=discriminator, generator=generator, latent_dim=latent_dim)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(0.005, beta_1=0.5),  # changed: Adam(0.0003)
        g_optimizer=keras.optimizers.Adam(0.005, beta_1=0.5),  # changed: Adam(0.0003)
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    converge.fit(  # changed: gan.fit
        gan, points, batch_size=64, steps=300, loss="gap", max_loss=0.5, monotone="off"
    )
