"""Benign or malignant: a binary classifier, judged by accuracy and by skill.

Skill is the advantage over the best constant prediction: 0 for a model that only knows how common
the classes are, 1 for a perfect one. The last test is a trap: a softmax over one unit is always
1, yet the reported loss falls, since Keras trains on the logits behind it.
"""

import keras
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from pytest_converge import ConvergenceError

X, Y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)


def build(activation="sigmoid"):
    model = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1, activation=activation),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_accuracy(converge):
    converge.fit(build(), X, Y, steps=150, metrics={"accuracy": (0.95, None)})


def test_skill(converge):
    converge.fit(build(), X, Y, steps=150, min_skill=0.8)


def test_missed_cases_cost_more(converge):
    converge.fit(build(), X, Y, steps=150, max_loss=0.2, class_weight={0: 2.0, 1: 1.0})


@pytest.mark.filterwarnings("ignore:You are using a softmax")
@pytest.mark.xfail(strict=True, raises=ConvergenceError, reason="the predictions are all 1")
def test_softmax_over_one_unit(converge):
    converge.fit(build("softmax"), X, Y, steps=150, max_loss=0.2)
