"""A graph and a session of TensorFlow 1.

From tensorflow.org, "Getting Started With TensorFlow" of version 1, its complete program (now at
https://github.com/tensorflow/docs/blob/r1.4/site/en/get_started/get_started.md); lines that differ
end in `# changed:`. The bound is one that the documented rate reaches in the documented steps, and
that a tenth of the rate does not.
"""

import pytest
import tensorflow.compat.v1 as tf  # changed: import tensorflow as tf

from pytest_converge import ConvergenceError

x_train = [1, 2, 3, 4]
y_train = [0, -1, -2, -3]


@pytest.mark.parametrize(
    "learning_rate",
    [
        0.01,
        pytest.param(
            0.001,
            marks=pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="too slow"),
        ),
    ],
)
def test_linear_model(converge, learning_rate):
    with tf.Graph().as_default():
        # Model parameters
        W = tf.Variable([0.3], dtype=tf.float32)  # noqa: N806 - as it is documented
        b = tf.Variable([-0.3], dtype=tf.float32)
        # Model input and output
        x = tf.placeholder(tf.float32)
        linear_model = W * x + b
        y = tf.placeholder(tf.float32)

        # loss
        loss = tf.reduce_sum(tf.square(linear_model - y))  # sum of the squares
        # optimizer
        optimizer = tf.train.GradientDescentOptimizer(learning_rate)
        train = optimizer.minimize(loss)

        # training loop
        init = tf.global_variables_initializer()
        sess = tf.Session()
        sess.run(init)  # initialize with incorrect defaults

        def step():  # changed: the loop over 1,000 steps
            return sess.run([loss, train], {x: x_train, y: y_train})[0]

        converge.step(step, variables=[W, b], steps=1000, max_loss=1e-6)  # changed: likewise
