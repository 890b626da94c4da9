"""Own train_step.

From keras.io example "Image similarity estimation using a Siamese Network with a triplet loss".
Sick: Adam(1.0), all embeddings fall together and the loss rests at its margin.

Changed: a dense embedding of 10 numbers in place of ResNet50; Adam(0.003) in place of 0.0001;
converge.fit in place of fit.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-high", ("dead-units",), "fit"
EXPECT = {"steps": 150, "max_loss": 0.15}

rng = np.random.default_rng(6)
subject = rng.normal(size=(40, 3))
mixing = rng.normal(size=(3, 10))
who = rng.integers(0, 40, 320)
other = (who + rng.integers(1, 40, 320)) % 40


def view(w):
    return (subject[w] @ mixing + rng.normal(0, 1.2, (320, 10))).astype("float32")


anchor, positive, negative = view(who), view(who), view(other)


class DistanceLayer(keras.layers.Layer):
    def call(self, anchor, positive, negative):
        ap_distance = tf.reduce_sum(tf.square(anchor - positive), -1)
        an_distance = tf.reduce_sum(tf.square(anchor - negative), -1)
        return (ap_distance, an_distance)


class SiameseModel(keras.Model):
    def __init__(self, siamese_network, margin=0.5):
        super().__init__()
        self.siamese_network = siamese_network
        self.margin = margin
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.siamese_network(inputs)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self._compute_loss(data)
        gradients = tape.gradient(loss, self.siamese_network.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.siamese_network.trainable_weights, strict=False)
        )
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data):
        self.loss_tracker.update_state(self._compute_loss(data))
        return {"loss": self.loss_tracker.result()}

    def _compute_loss(self, data):
        ap_distance, an_distance = self.siamese_network(data)
        return tf.reduce_mean(tf.maximum(ap_distance - an_distance + self.margin, 0.0))

    @property
    def metrics(self):
        return [self.loss_tracker]


def build(rate=0.003):
    embedding = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(8),
        ]
    )
    a, p, n = (keras.Input((10,), name=k) for k in ("anchor", "positive", "negative"))
    network = keras.Model([a, p, n], DistanceLayer()(embedding(a), embedding(p), embedding(n)))
    model = SiameseModel(network)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    return model


def triplets():
    return (
        tf.data.Dataset.from_tensor_slices((anchor, positive, negative))
        .batch(32, drop_remainder=False)
        .prefetch(8)
    )


def healthy():
    return {"model": build, "x": triplets().map(lambda *t: (t,))}


def sick():
    return {"model": lambda: build(1.0), "x": triplets().map(lambda *t: (t,))}


for _name in ("train_step", "test_step"):  # the dataset yields ((a, p, n),)
    _old = getattr(SiameseModel, _name)
    setattr(
        SiameseModel,
        _name,
        lambda self, data, _old=_old: _old(self, data[0] if len(data) == 1 else data),
    )


def plain(arguments, steps):
    model, losses = arguments["model"], []
    for (batch,) in arguments["x"].repeat().take(steps):
        with tf.GradientTape() as tape:
            ap, an = model.siamese_network(batch)
            loss = tf.reduce_mean(tf.maximum(ap - an + 0.5, 0.0))
        w = model.siamese_network.trainable_weights
        model.optimizer.apply_gradients(zip(tape.gradient(loss, w), w, strict=False))
        losses.append(float(loss))
    return losses
