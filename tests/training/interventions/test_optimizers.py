"""Optimizers with other settings, and the code that makes them."""

from __future__ import annotations

import types

import keras
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions import optimizers as changed_optimizers
from tests.training.interventions.trainings import SGD


@pytest.mark.parametrize(
    ("optimizer", "changes", "code"),
    [
        (SGD(0.1), {"learning_rate": 0.01}, "keras.optimizers.SGD(0.01)"),
        (SGD(0.1, momentum=0.99), {"momentum": 0.9}, "keras.optimizers.SGD(0.1, momentum=0.9)"),
        (SGD(0.1, clipnorm=0.1), {"clipnorm": None}, "keras.optimizers.SGD(0.1)"),
        (optimizers.Adam(0.001), {"learning_rate": 0.03}, "keras.optimizers.Adam(0.03)"),
    ],
    ids=["rate", "momentum", "clipping", "Adam"],
)
def test_the_code_to_paste_makes_the_optimizer(optimizer, changes, code):
    observed = types.SimpleNamespace(optimizer=optimizer, user_rate=float(optimizer.learning_rate))
    line = changed_optimizers.code_of(types.SimpleNamespace(optimizers=[observed]), **changes)
    assert line.replace("0.10000000149", "0.1") == code
    made = eval(line, {"keras": keras})  # noqa: S307 - that it can be pasted is the point
    for name, value in changes.items():
        assert made.get_config()[name] == (pytest.approx(value) if value else value)


V1 = tf.compat.v1.train


@pytest.mark.parametrize(
    ("optimizer", "arguments"),
    [
        (V1.GradientDescentOptimizer(0.1), "0.03"),
        (V1.MomentumOptimizer(0.1, 0.9), "0.03, momentum=0.9"),
        (
            V1.MomentumOptimizer(0.1, 0.8, use_nesterov=True),
            "0.03, momentum=0.8, use_nesterov=True",
        ),
        (V1.AdamOptimizer(0.1, beta1=0.5), "0.03, beta1=0.5"),
        (V1.RMSPropOptimizer(0.1), "0.03"),
    ],
)
def test_the_code_of_an_optimizer_of_tensorflow_1(optimizer, arguments):
    observed = types.SimpleNamespace(optimizer=optimizer, user_rate=0.1)
    line = changed_optimizers.code_of(
        types.SimpleNamespace(optimizers=[observed]), learning_rate=0.03
    )
    assert line == f"tf.compat.v1.train.{type(optimizer).__name__}({arguments})"
    assert type(eval(line, {"tf": tf})) is type(optimizer)  # noqa: S307


def test_settings_of_an_optimizer_of_tensorflow_1_can_be_read():
    observed = types.SimpleNamespace(optimizer=V1.MomentumOptimizer(0.1, 0.9))
    training = types.SimpleNamespace(optimizers=[observed])
    assert changed_optimizers.setting(training, "momentum") == 0.9
    assert changed_optimizers.setting(training, "weight_decay") is None
