"""Sparse input (tf.SparseTensor) in tf.data.

Bag of words.
Sick: raw counts of long documents (hundreds a word) go in unscaled.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "unscaled-features", ("learning-rate-too-high",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.3}

rng = np.random.default_rng(103)
topic = rng.integers(0, 3, 240)
profile = rng.dirichlet(np.full(50, 0.25), 3)
counts = np.stack(
    [rng.multinomial(rng.integers(200, 6000), profile[t] * 0.5 + 0.01) for t in topic]
).astype("float32")
counts[counts < 8] = 0
share = counts / counts.sum(1, keepdims=True) * 10


def sparse_batches(dense):
    ds = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(dense), topic))
    return ds.batch(30)


def build():
    inputs = keras.Input((50,), sparse=True)
    x = keras.layers.Dense(16, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    model.compile(
        keras.optimizers.SGD(0.2), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


def healthy():
    return {"model": build, "x": sparse_batches(share)}


def sick():
    return {"model": build, "x": sparse_batches(counts)}


def plain(arguments, steps):
    m, out = arguments["model"], []
    for x, y in arguments["x"].repeat().take(steps):
        with tf.GradientTape() as tape:
            loss = m.compute_loss(x=x, y=y, y_pred=m(x, training=True))
        m.optimizer.apply_gradients(
            zip(tape.gradient(loss, m.trainable_variables), m.trainable_variables, strict=False)
        )
        out.append(float(loss))
    return out
