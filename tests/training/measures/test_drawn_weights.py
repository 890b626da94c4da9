"""Weights that a step draws anew."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.drawn_weights import weights_drawn_anew
from tests.training.measures.steps import flow_of, regression


class Drawn(layers.Layer):
    """Multiplies by a kernel of its own, which it draws in its call."""

    def __init__(self, draw, **options):
        super().__init__(**options)
        self.draw = draw

    def call(self, x):
        return tf.tanh(x @ self.draw((x.shape[-1], 8)))


class Noisy(layers.Layer):
    """Adds a kept kernel's answer to noise."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]))

    def call(self, x):
        return x + tf.random.normal(tf.shape(x)) @ self.kernel


def test_a_kernel_drawn_in_a_call_is_named():
    for draw in (tf.random.normal, keras.initializers.GlorotUniform()):
        start = regression(layers.Dense(4), Drawn(draw, name="mine"), layers.Dense(1))
        assert weights_drawn_anew(flow_of(start)) == ("mine",)


class Uncertain(layers.Layer):
    """Multiplies by a kept kernel with noise, as a variational layer does, and adds other noise."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]))

    def call(self, x):
        noise = tf.random.normal((1, 3)) @ tf.random.normal((3, x.shape[-1]))
        return x @ (self.kernel + tf.random.normal(tf.shape(self.kernel))) + noise


def test_noise_of_kept_weights_and_of_its_own_is_none_either():
    assert weights_drawn_anew(flow_of(regression(Uncertain(), layers.Dense(1)))) == ()


def test_noise_and_dropout_are_no_weights():
    parts = (Noisy(), layers.GaussianNoise(0.1), layers.Dropout(0.5), layers.Dense(1))
    assert weights_drawn_anew(flow_of(regression(*parts))) == ()
