"""A baseline: does the model still train as well as when its loss curves were recorded?

The 20 recorded runs lie in `__converge__/test_baseline`, and are committed like the test. They were
made by `pytest examples/test_baseline.py --converge-baseline=new`. Halve the learning rate to see
the test fail, and run it with `-v` to see what it compares when it passes.
"""

import keras
import pytest
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

FEATURES, LABELS = load_wine(return_X_y=True)
X, X_TEST, Y, Y_TEST = train_test_split(FEATURES, LABELS, test_size=0.3, random_state=0)
SCALER = StandardScaler().fit(X)
X, X_TEST = SCALER.transform(X), SCALER.transform(X_TEST)


def build():
    model = keras.Sequential(
        [
            keras.Input((13,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


@pytest.mark.converges(steps=100, max_loss=0.2, baseline=True)
def test_as_before(converge):
    converge.fit(build, X, Y, batch_size=16)


@pytest.mark.converges(steps=100, max_loss=0.2, baseline=True, metric="val_loss")
def test_as_before_on_held_out_data(converge):
    converge.fit(build, X, Y, batch_size=16, validation_data=(X_TEST, Y_TEST))
