"""Own loop, assign_sub, no optimizer.

From tensorflow.org guide "Basic training loops".
Sick: the learning rate of 1.2 is beyond the edge for x of deviation 1.

Changed: the loop over epochs is converge.step; 200 examples; nothing else.
"""

import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-high", (), "step"
EXPECT = {"steps": 60, "max_loss": 1.4}

TRUE_W = 3.0
TRUE_B = 2.0
NUM_EXAMPLES = 201
x = tf.cast(tf.linspace(-2, 2, NUM_EXAMPLES), tf.float32)


def f(x):
    return x * TRUE_W + TRUE_B


noise = tf.constant(np.random.default_rng(167).normal(size=NUM_EXAMPLES).astype("float32"))
y = f(x) + noise


class MyModel(tf.Module):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # initialize the weights to `5.0` and the bias to `0.0`
        self.w = tf.Variable(5.0)
        self.b = tf.Variable(0.0)

    def __call__(self, x):
        return self.w * x + self.b


def loss(target_y, predicted_y):
    return tf.reduce_mean(tf.square(target_y - predicted_y))


def train(model, x, y, learning_rate):
    with tf.GradientTape() as t:
        current_loss = loss(y, model(x))
    dw, db = t.gradient(current_loss, [model.w, model.b])
    model.w.assign_sub(learning_rate * dw)
    model.b.assign_sub(learning_rate * db)
    return current_loss


def run(rate):
    model = MyModel()
    return {"step": lambda: train(model, x, y, learning_rate=rate), "variables": [model.w, model.b]}


def healthy():
    return run(0.1)


def sick():
    return run(1.2)


def plain(arguments, steps):
    return [arguments["step"]().numpy() for _ in range(steps)]
