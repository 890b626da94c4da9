"""Recommenders: ratings by embeddings of users and films, and two towers with in-batch negatives.

The first is from keras.io, "Collaborative Filtering for Movie Recommendations"
(https://keras.io/examples/structured_data/collaborative_filtering_movielens/), with made-up ratings
in place of MovieLens'; lines that differ otherwise end in `# changed:`. As it is there it adds up
the products of the whole batch, so that only the popularity of users and films is learnt.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from pytest_converge import ConvergenceError

EMBEDDING_SIZE = 50
num_users, num_movies = 24, 20

rng = np.random.default_rng(0)
taste, style = rng.normal(size=(num_users, 2)), rng.normal(size=(num_movies, 2))
x_train = np.stack(np.meshgrid(np.arange(num_users), np.arange(num_movies)), -1).reshape(-1, 2)
liking = (taste[x_train[:, 0]] * style[x_train[:, 1]]).sum(1)
ratings = np.clip(np.round(3 + 1.5 * liking), 1, 5)
y_train = ((ratings - 1) / 4).astype("float32")
#: What no prediction of ratings between 0 and 1 can be below.
clipped = np.clip(y_train, 1e-7, 1 - 1e-7)
ENTROPY = -np.mean(clipped * np.log(clipped) + (1 - clipped) * np.log(1 - clipped))


def products_of_the_batch(user_vector, movie_vector):
    return ops.tensordot(user_vector, movie_vector, 2)


def products_of_each_row(user_vector, movie_vector):
    return ops.sum(user_vector * movie_vector, axis=1, keepdims=True)


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, dot, **kwargs):
        super().__init__(**kwargs)
        self.dot = dot
        self.user_embedding = layers.Embedding(
            num_users,
            embedding_size,
            embeddings_initializer="he_normal",
            embeddings_regularizer=keras.regularizers.l2(1e-6),
        )
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(
            num_movies,
            embedding_size,
            embeddings_initializer="he_normal",
            embeddings_regularizer=keras.regularizers.l2(1e-6),
        )
        self.movie_bias = layers.Embedding(num_movies, 1)

    def call(self, inputs):
        user_vector = self.user_embedding(inputs[:, 0])
        user_bias = self.user_bias(inputs[:, 0])
        movie_vector = self.movie_embedding(inputs[:, 1])
        movie_bias = self.movie_bias(inputs[:, 1])
        dot_user_movie = self.dot(user_vector, movie_vector)  # changed: the first of the above
        # Add all the components (including bias)
        x = dot_user_movie + user_bias + movie_bias
        # The sigmoid activation forces the rating to between 0 and 1
        return ops.nn.sigmoid(x)


@pytest.mark.parametrize(
    "dot",
    [
        products_of_each_row,
        pytest.param(
            products_of_the_batch,
            marks=pytest.mark.xfail(
                strict=True, raises=ConvergenceError, reason="rows share one product"
            ),
        ),
    ],
)
def test_ratings(converge, dot):
    model = RecommenderNet(num_users, num_movies, EMBEDDING_SIZE, dot)
    model.compile(
        loss=keras.losses.BinaryCrossentropy(),
        optimizer=keras.optimizers.Adam(learning_rate=0.01),  # changed: 0.001
    )
    converge.fit(  # changed: model.fit
        model, x=x_train, y=y_train, batch_size=64, epochs=30, max_loss=ENTROPY + 0.06
    )


class TwoTowers(keras.Model):
    """Users and what they bought; the other items of a batch are what they did not buy."""

    def __init__(self):
        super().__init__()
        self.users = keras.Sequential([keras.Input(()), layers.Embedding(num_users, 16)])
        self.items = keras.Sequential([keras.Input(()), layers.Embedding(num_movies, 16)])

    def train_step(self, data):
        user, item = data
        with tf.GradientTape() as tape:
            scores = tf.matmul(self.users(user), self.items(item), transpose_b=True)
            same = tf.equal(item[:, None], item) & ~tf.eye(tf.size(item), dtype=tf.bool)
            scores = tf.where(same, -1e9, scores)
            own = tf.range(tf.size(item))
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(own, scores)
            loss = tf.reduce_mean(loss)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


@pytest.mark.converges(steps=200, max_loss=0.7)
def test_two_towers(converge):
    model = TwoTowers()
    model.compile(keras.optimizers.Adam(0.02))
    users = rng.integers(0, num_users, 480)
    items = users % num_movies
    converge.fit(model, users, items)
