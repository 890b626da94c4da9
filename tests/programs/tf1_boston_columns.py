"""TensorFlow 1 graph and session with a decaying rate.

Multivariate regression with global_step.
Sick: tax and rooms go in as they are (400 and 6).
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unscaled-features", ("learning-rate-too-high",), "step"
EXPECT = {"steps": 250, "max_loss": 0.25, "monotone": "off"}

rng = np.random.RandomState(269)
tax, rooms, age = rng.normal(400, 150, 200), rng.normal(6, 0.7, 200), rng.uniform(3, 100, 200)
price = -0.01 * (tax - 400) + 4 * (rooms - 6) - 0.03 * (age - 50) + rng.normal(0, 0.5, 200)
price = ((price - price.mean()) / price.std()).reshape(-1, 1)
raw = np.stack([tax, rooms, age], 1)
scaled = (raw - raw.mean(0)) / raw.std(0)


def regression(table):
    graph = tf.Graph()
    with graph.as_default():
        features = tf.compat.v1.placeholder(tf.float32, [None, 3])
        target = tf.compat.v1.placeholder(tf.float32, [None, 1])
        w = tf.compat.v1.Variable(np.random.normal(0, 0.01, (3, 1)).astype("float32"))  # noqa: NPY002 - as people write it
        b = tf.compat.v1.Variable(np.zeros(1, "float32"))
        error = tf.reduce_mean((features @ w + b - target) ** 2)
        global_step = tf.compat.v1.train.get_or_create_global_step()
        rate = tf.compat.v1.train.exponential_decay(0.1, global_step, 100, 0.9)
        train = tf.compat.v1.train.GradientDescentOptimizer(rate).minimize(
            error, global_step=global_step
        )
        init = tf.compat.v1.global_variables_initializer()
    sess = tf.compat.v1.Session(graph=graph)
    sess.run(init)

    def step(x, y):
        return sess.run([error, train], feed_dict={features: x, target: y})[0]

    return {
        "step": step,
        "variables": [w, b],
        "data": [(table[i : i + 40], price[i : i + 40]) for i in range(0, 200, 40)],
    }


def healthy():
    return regression(scaled)


def sick():
    return regression(raw)


def plain(arguments, steps):
    return [float(arguments["step"](*arguments["data"][i % 5])) for i in range(steps)]
