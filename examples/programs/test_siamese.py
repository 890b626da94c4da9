"""A siamese network with a triplet loss: elements of the data are no inputs and targets.

From keras.io, "Image similarity estimation using a Siamese Network with a triplet loss"
(https://keras.io/examples/vision/siamese_network/), with rows of ten numbers and a dense embedding
in place of photographs and ResNet50; lines that differ otherwise end in `# changed:`.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, metrics, optimizers

rng = np.random.default_rng(0)
subjects = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 10))
which = rng.integers(0, 40, 320)
other = (which + rng.integers(1, 40, 320)) % 40


def views(numbers):
    rows = subjects[numbers] + rng.normal(0, 0.6, (len(numbers), 10))
    return tf.data.Dataset.from_tensor_slices(rows.astype("float32"))


class DistanceLayer(layers.Layer):
    def call(self, anchor, positive, negative):
        ap_distance = tf.reduce_sum(tf.square(anchor - positive), -1)
        an_distance = tf.reduce_sum(tf.square(anchor - negative), -1)
        return (ap_distance, an_distance)


class SiameseModel(keras.Model):
    def __init__(self, siamese_network, margin=0.5):
        super().__init__()
        self.siamese_network = siamese_network
        self.margin = margin
        self.loss_tracker = metrics.Mean(name="loss")

    def call(self, inputs):
        return self.siamese_network(inputs)

    def train_step(self, data):
        # GradientTape is a context manager that records every operation that
        # you do inside. We are using it here to compute the loss so we can get
        # the gradients and apply them using the optimizer specified in
        # `compile()`.
        with tf.GradientTape() as tape:
            loss = self._compute_loss(data)

        # Storing the gradients of the loss function with respect to the
        # weights/parameters.
        gradients = tape.gradient(loss, self.siamese_network.trainable_weights)

        # Applying the gradients on the model using the specified optimizer
        self.optimizer.apply_gradients(
            zip(gradients, self.siamese_network.trainable_weights, strict=True)
        )

        # Let's update and return the training loss metric.
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data):
        loss = self._compute_loss(data)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def _compute_loss(self, data):
        # The output of the network is a tuple containing the distances
        # between the anchor and the positive example, and the anchor and
        # the negative example.
        ap_distance, an_distance = self.siamese_network(data)

        # Computing the Triplet Loss by subtracting both distances and
        # making sure we don't get a negative value.
        loss = ap_distance - an_distance
        loss = tf.maximum(loss + self.margin, 0.0)
        return tf.reduce_mean(loss)

    @property
    def metrics(self):
        return [self.loss_tracker]


def test_siamese_network(converge):
    dataset = tf.data.Dataset.zip((views(which), views(which), views(other)))
    train_dataset = dataset.batch(32, drop_remainder=False).prefetch(tf.data.AUTOTUNE)

    embedding = keras.Sequential(
        [keras.Input((10,)), layers.Dense(32, activation="relu"), layers.Dense(8)]
    )
    anchor_input, positive_input, negative_input = (
        keras.Input(name=name, shape=(10,)) for name in ("anchor", "positive", "negative")
    )
    distances = DistanceLayer()(
        embedding(anchor_input), embedding(positive_input), embedding(negative_input)
    )
    siamese_network = keras.Model([anchor_input, positive_input, negative_input], distances)

    siamese_model = SiameseModel(siamese_network)
    siamese_model.compile(optimizer=optimizers.Adam(0.003))  # changed: 0.0001
    converge.fit(siamese_model, train_dataset, epochs=15, max_loss=0.1)  # changed: model.fit
