"""TensorFlow 1 graph and session.

Network with get_variable and scopes.
Sick: minimize(loss, var_list=...) collects the scope "output" alone.
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", (), "step"
EXPECT = {"steps": 250, "max_loss": 0.4, "monotone": "off"}
v1 = tf.compat.v1

rng = np.random.default_rng(263)
INPUT = rng.uniform(-1, 1, (256, 2)).astype(np.float32)
OUTPUT = np.sin(4 * INPUT[:, :1]) * INPUT[:, 1:]
FEED = [(INPUT[i::8], OUTPUT[i::8]) for i in range(8)]


def make(scope):
    graph = tf.Graph()
    with graph.as_default():
        v1.set_random_seed(int(np.random.randint(2**30)))  # noqa: NPY002 - as people write it
        x = v1.placeholder(tf.float32, (None, 2), name="x")
        y = v1.placeholder(tf.float32, (None, 1), name="y")
        h = x
        with v1.variable_scope("hidden"):
            for k, (a, b) in enumerate([(2, 5), (5, 5)]):
                w = v1.get_variable(f"w{k}", (a, b), initializer=v1.glorot_uniform_initializer())
                h = tf.tanh(
                    tf.matmul(h, 3 * w)
                    + v1.get_variable(f"b{k}", (b,), initializer=v1.zeros_initializer())
                )
        with v1.variable_scope("output"):
            w = v1.get_variable("w", (5, 1), initializer=v1.glorot_uniform_initializer())
            prediction = tf.matmul(h, w) + v1.get_variable(
                "b", (1,), initializer=v1.zeros_initializer()
            )
        loss = tf.reduce_mean(tf.square(prediction - y)) / float(np.var(OUTPUT))
        chosen = v1.get_collection(v1.GraphKeys.TRAINABLE_VARIABLES, scope=scope)
        train_op = v1.train.AdamOptimizer(0.03).minimize(loss, var_list=chosen)
        everything = v1.trainable_variables()
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())

    def step(a, b):
        return session.run([train_op, loss], {x: a, y: b})[1]

    return {"step": step, "variables": everything, "data": FEED}


def healthy():
    return make(None)


def sick():
    return make("output")


def plain(arguments, steps):
    return [float(arguments["step"](*FEED[i % len(FEED)])) for i in range(steps)]
