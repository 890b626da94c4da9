"""TensorFlow 1 graph and session.

From aymericdamien/TensorFlow-Examples "linear_regression" (placeholders, one pair a step).
Sick: learning rate 0.6 in place of 0.05, for areas up to 11 the step goes beyond the minimum.

Changed: tf.compat.v1; the loop over epochs is converge.step, whose step feeds one pair and returns
the cost over all.
"""

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

CAUSE, ALSO, VERB = "learning-rate-too-high", ("unscaled-features",), "step"
EXPECT = {"steps": 300, "max_loss": 0.25, "monotone": "off"}

# fmt: off
train = np.asarray([
    (3.3, 1.7), (4.4, 2.76), (5.5, 2.09), (6.71, 3.19), (6.93, 1.694), (4.168, 1.573),
    (9.779, 3.366), (6.182, 2.596), (7.59, 2.53), (2.167, 1.221), (7.042, 2.827), (10.791, 3.465),
    (5.313, 1.65), (7.997, 2.904), (5.654, 2.42), (9.27, 2.94), (3.1, 1.3),
])
# fmt: on
train_x, train_y = train.T
n_samples = train_x.shape[0]


def session(learning_rate):
    graph = tf.Graph()
    with graph.as_default():
        x_fed = tf1.placeholder("float")
        y_fed = tf1.placeholder("float")
        w = tf1.Variable(np.float32(np.random.randn() * 0.3), name="weight")  # noqa: NPY002 - as people write it
        b = tf1.Variable(np.float32(np.random.randn() * 0.3), name="bias")  # noqa: NPY002 - as people write it
        pred = tf1.add(tf1.multiply(x_fed, w), b)
        cost = tf1.reduce_sum(tf1.pow(pred - y_fed, 2)) / (2 * n_samples)
        optimizer = tf1.train.GradientDescentOptimizer(learning_rate).minimize(cost)
        init = tf1.global_variables_initializer()
    sess = tf1.Session(graph=graph)
    sess.run(init)

    def step(x, y):
        c = sess.run(cost, feed_dict={x_fed: train_x, y_fed: train_y})
        sess.run(optimizer, feed_dict={x_fed: x, y_fed: y})
        return c

    return {"step": step, "variables": [w, b], "data": list(zip(train_x, train_y, strict=False))}


def healthy():
    return session(0.05)


def sick():
    return session(0.6)


def plain(arguments, steps):
    return [float(arguments["step"](*arguments["data"][i % n_samples])) for i in range(steps)]
