"""Two optimizers in one step.

From tensorflow.org tutorial "Deep Convolutional GAN" (train_step with two tapes).
Sick: the generator's optimizer got 1e-6 in place of 5e-3.

Changed: points on a line in place of digits, dense networks; the step takes its noise with the
batch, and returns how far the mean of the generated points is off; Adam(0.005, beta_1=0.5).
"""

import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

CAUSE, ALSO, VERB = "learning-rate-too-low", ("too-few-steps", "frozen-variables"), "step"
EXPECT = {"steps": 300, "max_loss": 2.0, "monotone": "off"}

rng = np.random.default_rng(211)
real = (3.0 + 0.4 * rng.normal(size=(320, 1))).astype("float32")
noises = rng.normal(size=(320, 4)).astype("float32")
cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_output, fake_output):
    real_loss = cross_entropy(tf.ones_like(real_output), real_output)
    fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
    return real_loss + fake_loss


def generator_loss(fake_output):
    return cross_entropy(tf.ones_like(fake_output), fake_output)


def setup(rate):
    generator = keras.Sequential(
        [layers.Input((4,)), layers.Dense(16), layers.LeakyReLU(), layers.Dense(1)]
    )
    discriminator = keras.Sequential(
        [layers.Input((1,)), layers.Dense(16), layers.LeakyReLU(), layers.Dense(1)]
    )
    generator_optimizer = keras.optimizers.Adam(rate, beta_1=0.5)
    discriminator_optimizer = keras.optimizers.Adam(0.005, beta_1=0.5)
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer.build(discriminator.trainable_variables)

    @tf.function
    def train_step(images, noise):
        with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
            generated_images = generator(noise, training=True)
            real_output = discriminator(images, training=True)
            fake_output = discriminator(generated_images, training=True)
            gen_loss = generator_loss(fake_output)
            disc_loss = discriminator_loss(real_output, fake_output)
        gradients_of_generator = gen_tape.gradient(gen_loss, generator.trainable_variables)
        gradients_of_discriminator = disc_tape.gradient(
            disc_loss, discriminator.trainable_variables
        )
        generator_optimizer.apply_gradients(
            zip(gradients_of_generator, generator.trainable_variables, strict=False)
        )
        discriminator_optimizer.apply_gradients(
            zip(gradients_of_discriminator, discriminator.trainable_variables, strict=False)
        )
        return tf.square(tf.reduce_mean(generated_images) - tf.reduce_mean(images))

    return {
        "step": train_step,
        "variables": generator.trainable_variables + discriminator.trainable_variables,
        "data": tf.data.Dataset.from_tensor_slices((real, noises)).batch(64),
        "optimizer": [generator_optimizer, discriminator_optimizer],
    }


def healthy():
    return setup(0.005)


def sick():
    return setup(1e-6)


def plain(arguments, steps):
    return [float(arguments["step"](*b)) for b in arguments["data"].repeat().take(steps)]
