"""Two towers with in-batch negatives, own train_step.

After the TensorFlow Recommenders retrieval quickstart.
Sick: the user tower was left frozen after an evaluation.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "frozen-variables", (), "fit"
EXPECT = {"steps": 300, "max_loss": 1.2}

rng = np.random.default_rng(109)
age = rng.uniform(0, 1, 320)
users = np.stack([np.sin(age * 20), np.cos(age * 13), rng.normal(size=320) * 0.1], 1).astype(
    "float32"
)
users = np.concatenate([age[:, None].astype("float32"), users[:, 2:]], 1)
items = (age * 40).astype("int32").clip(0, 39)  # what they bought


class TwoTowers(keras.Model):
    def __init__(self):
        super().__init__()
        self.user_tower = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
        )
        self.item_tower = keras.Sequential(
            [
                keras.Input((), dtype="int32"),
                keras.layers.Embedding(40, 8),
                keras.layers.Dense(16, "relu"),
                keras.layers.Dense(1),
            ]
        )
        self.mix = None

    def train_step(self, data):
        u, i = data
        with tf.GradientTape() as tape:
            a, b = self.user_tower(u, training=True), self.item_tower(i, training=True)
            scores = -tf.square(a - tf.transpose(b))
            scores -= 1e9 * tf.cast(
                tf.equal(i[:, None], i[None]) & ~tf.eye(tf.shape(i)[0], dtype=tf.bool), tf.float32
            )
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(i)[0]), scores)
            )
        w = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, w), w, strict=False))
        return {"loss": loss}


def build(frozen=False):
    model = TwoTowers()
    if frozen:
        model.user_tower.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    return model


def healthy():
    return {"model": build, "x": users, "y": items}


def sick():
    return {"model": lambda: build(frozen=True), "x": users, "y": items}


def plain(arguments, steps):
    m = arguments["model"]
    rows = [slice(32 * (k % 10), 32 * (k % 10) + 32) for k in range(steps)]
    return [
        float(m.train_step((tf.constant(users[r]), tf.constant(items[r])))["loss"]) for r in rows
    ]
