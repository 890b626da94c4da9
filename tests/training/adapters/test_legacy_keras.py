"""Legacy Keras: refused by each verb before anything is trained, whether stand-in or real."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.legacy_keras import is_legacy
from tests.zoo.problems import fit, minimize, step
from tests.zoo.trainings import judged

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
INSTALLED = importlib.util.find_spec("tf_keras") is not None


def stand_in(name, **attributes):
    """A class that looks like one of `tf_keras`."""
    return type(name, (), {"__module__": "tf_keras.src.engine", **attributes})


@pytest.fixture(
    params=[
        "stand-in",
        pytest.param(
            "real", marks=pytest.mark.skipif(not INSTALLED, reason="needs tf_keras installed")
        ),
    ]
)
def legacy(request):
    """A compiled model, an optimizer and a source of data of legacy Keras, one of each."""
    if request.param == "stand-in":
        sgd = stand_in("SGD", apply_gradients=lambda *_: None)()
        model = stand_in("Sequential", __call__=lambda self: self, train_step=lambda *_: None)()
        model.optimizer = sgd
        return SimpleNamespace(model=model, optimizer=sgd, data=stand_in("Sequence")())
    import tf_keras

    class Batches(tf_keras.utils.Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X, Y

    model = tf_keras.Sequential([tf_keras.Input((2,)), tf_keras.layers.Dense(1)])
    model.compile(tf_keras.optimizers.SGD(0.1), "mse")
    old = tf_keras.optimizers.legacy.SGD(0.1)
    return SimpleNamespace(model=model, optimizer=old, data=Batches())


def modern():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def refused(start, message):
    with pytest.raises(InvalidTrainingError, match=message) as caught:
        judged(start)
    assert len(str(caught.value)) <= 160
    assert str(caught.value).endswith("Build it with Keras 3: import keras.")


@pytest.fixture(autouse=True)
def switched_off(monkeypatch):
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)


@pytest.mark.parametrize("built", [True, False], ids=["model", "builder"])
def test_a_model_is_refused(legacy, built):
    given = legacy.model if built else lambda: legacy.model
    message = r"got a model of legacy Keras, tf_keras \(Sequential\); expected one of Keras 3\. "
    refused(fit(given, X, Y), message)


def test_data_are_refused(legacy):
    refused(fit(modern(), legacy.data), r"got data of legacy Keras, tf_keras \(\w+\)")


def test_an_optimizer_of_a_minimisation_is_refused(legacy):
    w = tf.Variable(1.0)
    refused(
        minimize(lambda: w**2, [w], legacy.optimizer),
        r"got an optimizer of legacy Keras, tf_keras \(SGD\); expected one of Keras 3\. ",
    )


@pytest.mark.parametrize("how", ["given", "named", "model", "method"])
def test_an_optimizer_of_a_step_is_refused(legacy, how):
    w, own, model, old = tf.Variable(1.0), optimizers.SGD(0.1), legacy.model, legacy.optimizer

    def train_step():
        own.apply_gradients([(2 * w, w)])
        return w**2

    def by_old():
        old.apply_gradients([(2 * w, w)])
        return w**2

    def by_model():
        return model.train_step((X, Y))

    steps = {"given": train_step, "named": by_old, "model": by_model, "method": model.train_step}
    optimizer = old if how == "given" else None
    refused(
        step(steps[how], variables=[w], optimizer=optimizer),
        r"got (a step with )?an optimizer of legacy Keras, tf_keras \(SGD\)",
    )


def test_the_switch_of_tensorflow_is_named_where_it_is_set(legacy, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    remedy = r"Unset TF_USE_LEGACY_KERAS, which makes tf\.keras legacy Keras, or import keras\.$"
    with pytest.raises(InvalidTrainingError, match=remedy) as caught:
        judged(fit(legacy.model, X, Y))
    assert len(str(caught.value)) <= 160


def test_keras_3_trains_where_tensorflow_has_legacy_keras(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert judged(fit(modern(), X, Y), steps=20).passed


@pytest.mark.skipif(not INSTALLED, reason="needs tf_keras installed")
def test_layers_of_legacy_keras_are_variables_for_another_optimizer():
    import tf_keras

    layer, own = tf_keras.layers.Dense(1), optimizers.SGD(0.1)
    layer.build((None, 2))

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x) - y) ** 2)
        own.apply(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables)
        return loss

    start = step(train_step, variables=layer.trainable_variables, data=[(X, Y)])
    assert judged(start, steps=50, max_loss=0.01).passed


@pytest.mark.skipif(not INSTALLED, reason="needs tf_keras installed")
def test_tf_keras_is_legacy_where_tensorflow_is_told_so(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    program = (
        "import tensorflow as tf\n"
        "from pytest_converge.training.adapters.legacy_keras import is_legacy\n"
        "assert is_legacy(tf.keras.Sequential())\n"
        "assert is_legacy(tf.keras.optimizers.Adam())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - a program of ours


def test_what_is_built_on_legacy_keras_is_legacy_and_nothing_else():
    assert is_legacy(type("Own", (stand_in("Model"),), {})())
    assert not any(map(is_legacy, (modern(), optimizers.SGD(), tf.Variable(0.0), None, is_legacy)))
