"""A training step written by hand: no model, no `fit`, two variables and a tape."""

import keras
import pytest
import tensorflow as tf
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X).astype("float32")


@pytest.mark.converges(steps=200, max_loss=0.2)
def test_softmax_regression(converge):
    weights = tf.Variable(tf.zeros((4, 3)))
    bias = tf.Variable(tf.zeros(3))
    optimizer = keras.optimizers.SGD(0.5)

    def step(features, labels):
        with tf.GradientTape() as tape:
            logits = features @ weights + bias
            errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(errors)
        gradients = tape.gradient(loss, [weights, bias])
        optimizer.apply_gradients(zip(gradients, [weights, bias], strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(150).batch(32)
    converge.step(step, variables=[weights, bias], data=data, optimizer=optimizer)
