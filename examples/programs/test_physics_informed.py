"""A physics-informed network: it learns the motion of an oscillator from its equation alone.

No data: u'' = -u with u(0) = 0 and u'(0) = 1, whose solution is the sine. Second derivatives are
taken by nested tapes.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

TIMES = tf.constant(np.linspace(0, 3, 40, dtype="float32")[:, None])


@pytest.mark.converges(steps=400, max_loss=0.01, monotone="off")
def test_oscillator(converge):
    network = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(24, "tanh"),
            keras.layers.Dense(24, "tanh"),
            keras.layers.Dense(1),
        ]
    )
    weights = network.trainable_variables
    optimizer = keras.optimizers.Adam(0.01)

    def step():
        with tf.GradientTape() as tape:
            with tf.GradientTape() as outer:
                outer.watch(TIMES)
                with tf.GradientTape() as inner:
                    inner.watch(TIMES)
                    u = network(TIMES)
                velocity = inner.gradient(u, TIMES)
            acceleration = outer.gradient(velocity, TIMES)
            start = u[0, 0] ** 2 + (velocity[0, 0] - 1) ** 2
            loss = tf.reduce_mean((acceleration + u) ** 2) + start
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    converge.step(step, variables=weights, optimizer=optimizer)
    np.testing.assert_allclose(network(TIMES), np.sin(TIMES), atol=0.3)
