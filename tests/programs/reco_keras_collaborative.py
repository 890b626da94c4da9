"""Recommender.

From keras.io example "Collaborative Filtering for Movie Recommendations" (RecommenderNet).
Sick: the ratings stay 1 to 5 stars though the net ends in a sigmoid.

Changed: synthetic ratings in place of MovieLens; Adam(0.01) and no L2; converge.fit in place of
model.fit.
"""

import keras
import numpy as np
from keras import layers, ops

CAUSE, ALSO, VERB = "output-loss-mismatch", ("label-encoding", "unscaled-targets"), "fit"
EXPECT = {"steps": 250, "max_loss": 0.02}
EXPECT_SICK = {"steps": 250, "max_loss": 0.32}  # 16 times, in stars squared

rng = np.random.default_rng(107)
num_users, num_movies = 24, 20
taste, style = rng.normal(size=(num_users, 2)), rng.normal(size=(num_movies, 2))
pairs = np.stack(np.meshgrid(np.arange(num_users), np.arange(num_movies)), -1).reshape(-1, 2)
pairs = pairs[rng.permutation(len(pairs))]
stars = np.clip(np.round(3 + 1.2 * (taste[pairs[:, 0]] * style[pairs[:, 1]]).sum(1)), 1, 5)
min_rating, max_rating = stars.min(), stars.max()


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, **kwargs):
        super().__init__(**kwargs)
        self.user_embedding = layers.Embedding(
            num_users, embedding_size, embeddings_initializer="he_normal"
        )
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(
            num_movies, embedding_size, embeddings_initializer="he_normal"
        )
        self.movie_bias = layers.Embedding(num_movies, 1)

    def call(self, inputs):
        user_vector = self.user_embedding(inputs[:, 0])
        user_bias = self.user_bias(inputs[:, 0])
        movie_vector = self.movie_embedding(inputs[:, 1])
        movie_bias = self.movie_bias(inputs[:, 1])
        dot_user_movie = ops.sum(user_vector * movie_vector, axis=1, keepdims=True)
        x = dot_user_movie + user_bias + movie_bias
        return ops.nn.sigmoid(x)


def build():
    model = RecommenderNet(num_users, num_movies, 8)
    model(pairs[:1])
    model.compile(
        loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.Adam(learning_rate=0.02)
    )
    return model


def healthy():
    y = ((stars - min_rating) / (max_rating - min_rating)).astype("float32")[:, None]
    return {"model": build, "x": pairs, "y": y, "batch_size": 64}


def sick():
    return {"model": build, "x": pairs, "y": stars.astype("float32")[:, None], "batch_size": 64}


def plain(arguments, steps):
    out, n = [], len(arguments["x"])
    per = -(-n // 64)
    for i in range(steps):
        s = slice(i % per * 64, i % per * 64 + 64)
        arguments["model"].reset_metrics()
        out.append(
            arguments["model"].train_on_batch(
                arguments["x"][s], arguments["y"][s], return_dict=True
            )["loss"]
        )
    return out
