"""Own train_step, parts of 8 and 40 rows.

Sick: the consistency term weighs 30000 in place of 0.3 and the classifier answers one constant.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "regularisation-too-strong", ("learning-rate-too-high",), "fit"
EXPECT = {"steps": 250, "max_loss": 0.35}

rng = np.random.default_rng(14)
means = rng.normal(0, 1.5, (3, 6))
y_all = rng.integers(0, 3, 480)
x_all = (means[y_all] + rng.normal(0, 0.7, (480, 6))).astype("float32")
x_weak = x_all + rng.normal(0, 0.5, x_all.shape).astype("float32")
labelled, unlabelled = slice(0, 80), slice(80, 480)


class MeanConsistency(keras.Model):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight
        self.hidden = keras.layers.Dense(24, activation="relu")
        self.head = keras.layers.Dense(3)

    def call(self, x):
        return self.head(self.hidden(x))

    def train_step(self, data):
        (x, y), (u, v) = data
        with tf.GradientTape() as tape:
            supervised = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(y, self(x, training=True))
            )
            p, q = tf.nn.softmax(self(u, training=True)), tf.nn.softmax(self(v, training=True))
            loss = supervised + self.weight * tf.reduce_mean(tf.reduce_sum((p - q) ** 2, -1))
        self.optimizer.apply(
            tape.gradient(loss, self.trainable_variables), self.trainable_variables
        )
        return {"loss": loss, "supervised": supervised}


def batches():
    a = tf.data.Dataset.from_tensor_slices((x_all[labelled], y_all[labelled])).batch(8)
    b = tf.data.Dataset.from_tensor_slices((x_all[unlabelled], x_weak[unlabelled])).batch(40)
    return tf.data.Dataset.zip((a, b))


def build(weight):
    model = MeanConsistency(weight)
    model(x_all[:2])
    model.compile(optimizer=keras.optimizers.Adam(0.005))
    return model


def healthy():
    return {"model": lambda: build(0.3), "x": batches()}


def sick():
    return {"model": lambda: build(30000.0), "x": batches()}


def plain(arguments, steps):
    m = arguments["model"]
    return [float(m.train_step(batch)["loss"]) for batch in arguments["x"].repeat().take(steps)]
