"""Custom loss and metric.

Sick: targets of shape (n,) meet predictions of shape (n, 1) in a subtraction of one's own loss,
which broadcasts to (n, n).
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "label-encoding", ("output-loss-mismatch",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.1}

rng = np.random.default_rng(29)
x = rng.uniform(-2, 2, (256, 3)).astype(np.float32)
y = (np.sin(x[:, 0]) + 0.5 * x[:, 1] - 0.2 * x[:, 2] ** 2).astype(np.float32)


@keras.saving.register_keras_serializable()
def huber_like(y_true, y_pred):
    err = y_true - y_pred
    return tf.where(tf.abs(err) < 1.0, tf.square(err), 2 * tf.abs(err) - 1)


class HitRate(keras.metrics.Metric):
    def __init__(self, within=0.3, name="hit_rate", **kw):
        super().__init__(name=name, **kw)
        self.within = within
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        ok = tf.abs(tf.reshape(y_true, [-1]) - tf.reshape(y_pred, [-1])) < self.within
        self.hits.assign_add(tf.reduce_sum(tf.cast(ok, tf.float32)))
        self.count.assign_add(tf.cast(tf.size(ok), tf.float32))

    def result(self):
        return self.hits / (self.count + 1e-9)


class BroadcastingLoss(keras.losses.Loss):
    """keras squeezes for plain functions, so people who write call() meet it."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        return tf.reduce_mean(huber_like(tf.cast(y_true, tf.float32), y_pred))

    def call(self, y_true, y_pred):
        return huber_like(y_true, y_pred)


def build():
    net = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(1)]
    )
    net.compile(keras.optimizers.Adam(0.02), loss=BroadcastingLoss(), metrics=[HitRate()])
    return net


def healthy():
    return {"model": build, "x": x, "y": y[:, None]}


def sick():
    return {"model": build, "x": x, "y": y}


def plain(arguments, steps):
    net, losses = arguments["model"], []
    for i in range(steps):
        xb, yb = (a[i % 8 * 32 : i % 8 * 32 + 32] for a in (arguments["x"], arguments["y"]))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(huber_like(yb, net(xb, training=True)))
        net.optimizer.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=False)
        )
        losses.append(loss.numpy())
    return losses
