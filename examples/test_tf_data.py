"""A `tf.data` pipeline as the source: it shuffles, standardises and batches by itself."""

import keras
import pytest
import tensorflow as tf
from sklearn.datasets import load_breast_cancer

X, Y = load_breast_cancer(return_X_y=True)
MEAN, SPREAD = X.mean(axis=0), X.std(axis=0)


def standardise(features, label):
    return (features - MEAN) / SPREAD, label


@pytest.fixture
def pipeline():
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    return rows.shuffle(len(X), seed=1).map(standardise).batch(32).prefetch(2)


@pytest.mark.converges(steps=150, max_loss=0.15)
def test_pipeline(converge, pipeline):
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    converge.fit(model, pipeline)
