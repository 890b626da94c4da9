"""TensorFlow 1 graph and session.

Two-layer network as written in 2017.
Sick: tf.zeros for the weights of both layers, as the softmax regression tutorial had them for its
one.
"""

import numpy as np
import tensorflow.compat.v1 as tf

CAUSE, ALSO, VERB = "bad-initialisation", ("saddle-point",), "step"
EXPECT = {"steps": 250, "max_loss": 0.35, "monotone": "off"}

rng = np.random.default_rng(257)
xs = rng.uniform(-1, 1, (300, 2)).astype("float32")
ys = np.eye(2, dtype="float32")[(xs[:, 0] * xs[:, 1] > 0).astype(int)]


def weight_variable(shape, zero):
    start = np.zeros(shape) if zero else np.random.normal(0, 0.5, shape)  # noqa: NPY002 - as people write it
    return tf.Variable(start.astype("float32"))


def network(zero):
    g = tf.Graph()
    with g.as_default():
        x = tf.placeholder(tf.float32, [None, 2])
        y_ = tf.placeholder(tf.float32, [None, 2])
        w1, b1 = weight_variable([2, 20], zero), tf.Variable(tf.zeros([20]))
        w2, b2 = weight_variable([20, 2], zero), tf.Variable(tf.zeros([2]))
        hidden = tf.nn.relu(tf.matmul(x, w1) + b1)
        y = tf.matmul(hidden, w2) + b2
        cross_entropy = tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y)
        )
        train_step = tf.train.AdamOptimizer(0.02).minimize(cross_entropy)
        sess = tf.Session()
        sess.run(tf.global_variables_initializer())

    def step(batch_xs, batch_ys):
        _, loss = sess.run([train_step, cross_entropy], feed_dict={x: batch_xs, y_: batch_ys})
        return loss

    return {
        "step": step,
        "variables": [w1, b1, w2, b2],
        "data": [(xs[i : i + 50], ys[i : i + 50]) for i in range(0, 300, 50)],
    }


def healthy():
    return network(False)


def sick():
    return network(True)


def plain(arguments, steps):
    out = []
    for i in range(steps):
        a, b = arguments["data"][i % 6]
        out.append(arguments["step"](a, b))
    return out
