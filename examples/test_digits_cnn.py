"""A small convolutional network on scikit-learn's digits, judged by loss and accuracy."""

import keras
import pytest
from sklearn.datasets import load_digits

IMAGES, LABELS = load_digits(return_X_y=True)
IMAGES = (IMAGES / 16.0).reshape(-1, 8, 8, 1).astype("float32")


def build():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


@pytest.mark.converges(steps=200, max_loss=0.25, metrics={"accuracy": (0.9, None)})
def test_digits(converge):
    converge.fit(build, IMAGES, LABELS, batch_size=32)


@pytest.mark.converges(steps=100, max_loss=0.4, seeds=3)
def test_digits_from_three_starts(converge):
    converge.fit(build, IMAGES, LABELS, batch_size=32)
