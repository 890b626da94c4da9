"""A recurrent network at two learning rates.

It reads each 8 x 8 digit as a sequence of eight rows. Adam with its usual rate 0.001 learns; at
0.1, a rate that suits many small problems, the same network does not.
"""

import keras
import pytest
from sklearn.datasets import load_digits

from pytest_converge import ConvergenceError

IMAGES, LABELS = load_digits(return_X_y=True)
ROWS = (IMAGES / 16.0).reshape(-1, 8, 8).astype("float32")


def reader(learning_rate):
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.SimpleRNN(64),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model


@pytest.mark.converges(steps=400, max_loss=0.5)
class TestRecurrent:
    def test_learning_rate_0001(self, converge):
        converge.fit(reader(0.001), ROWS, LABELS)

    @pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the rate is too high")
    def test_learning_rate_01(self, converge):
        converge.fit(reader(0.1), ROWS, LABELS)
