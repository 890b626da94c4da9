"""Embeddings.

From tensorflow.org tutorial "word2vec" (class Word2Vec, dot product of target and context).
Sick: both tables start at zero, where the gradient of a dot product vanishes.

Changed: a synthetic corpus of 40 words; Adam(0.02) stated; converge.fit in place of word2vec.fit.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CAUSE, ALSO, VERB = "saddle-point", ("bad-initialisation",), "fit"
EXPECT = {"steps": 200, "max_loss": 1.1}

rng = np.random.default_rng(113)
vocab_size, num_ns = 40, 4
target = rng.integers(0, vocab_size, 400)
positive = (target // 8) * 8 + rng.integers(0, 8, 400)  # words of one theme occur together
negative = (positive[:, None] + 8 * rng.integers(1, 5, (400, num_ns)) + 0) % vocab_size
contexts = np.concatenate([positive[:, None], negative], 1)
labels = np.tile(np.array([1, 0, 0, 0, 0]), (400, 1))


class Word2Vec(keras.Model):
    def __init__(self, vocab_size, embedding_dim, init):
        super().__init__()
        self.target_embedding = layers.Embedding(
            vocab_size, embedding_dim, embeddings_initializer=init, name="w2v_embedding"
        )
        self.context_embedding = layers.Embedding(
            vocab_size, embedding_dim, embeddings_initializer=init
        )

    def call(self, pair):
        target, context = pair
        if len(target.shape) == 2:
            target = tf.squeeze(target, axis=1)
        word_emb = self.target_embedding(target)
        context_emb = self.context_embedding(context)
        return tf.einsum("be,bce->bc", word_emb, context_emb)


def dataset():
    ds = tf.data.Dataset.from_tensor_slices(((target, contexts), labels))
    return ds.batch(40, drop_remainder=True).cache().prefetch(tf.data.AUTOTUNE)


def build(init="uniform"):
    word2vec = Word2Vec(vocab_size, 8, init)
    word2vec((tf.constant(target[:2]), tf.constant(contexts[:2])))
    word2vec.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return word2vec


def healthy():
    return {"model": build, "x": dataset()}


def sick():
    return {"model": lambda: build("zeros"), "x": dataset()}


def plain(arguments, steps):
    out = []
    for x, y in arguments["x"].repeat().take(steps):
        arguments["model"].reset_metrics()
        out.append(float(arguments["model"].train_on_batch(x, y)[0]))
    return out
