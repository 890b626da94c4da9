"""A slip in the user's own code, found by its repair."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis import code_search
from pytest_converge.diagnosis.code_search import slips
from tests.diagnosis.programs import diagnosis_of, failed_of
from tests.zoo.problems import fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6)).astype("float32")
Y = np.stack([X[:, 0] * X[:, 1], np.sin(2 * X[:, 2])], axis=1).astype("float32")


class Pooled(layers.Layer):
    """Two layers, the second of which sees nothing but the mean of the first."""

    def __init__(self):
        super().__init__()
        self.units = layers.Dense(32, "relu")
        self.mix = layers.Dense(32, "relu")

    def build(self, shape):
        self.units.build(shape)
        self.mix.build((None, 32))

    def call(self, inputs):
        units = self.units(inputs)
        pooled = tf.reduce_mean(units, axis=1, keepdims=True) * tf.ones_like(units)
        return self.mix(pooled)


def start():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), Pooled(), layers.Dense(2)])
    model.compile(optimizers.Adam(0.02), "mse")
    return fit(model, X, Y)


@pytest.mark.slow
def test_the_name_of_another_value_is_the_cause():
    found = diagnosis_of(start(), steps=300, max_loss=0.12)
    assert found.cause == "output-loss-mismatch"
    assert found.proven
    assert "`units` in place of `pooled`" in found.message
    assert found.fix.startswith("return self.mix(units)  # test_code_search.py:")


def test_the_share_of_the_time_is_kept():
    failed = failed_of(start(), steps=20, max_loss=1e-9)
    failed.trials.budget = 0.0
    assert not list(slips(failed, "output-loss-mismatch"))


def test_so_many_changes_are_tried(monkeypatch):
    monkeypatch.setattr(code_search, "MOST_TRIED", 3)
    failed = failed_of(start(), steps=4, max_loss=1e-9)
    failed.trials.budget = 1e3
    found = list(slips(failed, "output-loss-mismatch"))
    assert len(found) == 3
    assert {change.code for change in found} == {"output-loss-mismatch"}
    assert len({change.change for change in found}) == 3


def test_none_comes_again_that_was_tried():
    failed = failed_of(start(), steps=4, max_loss=1e-9)
    failed.trials.budget = 1e3
    first, *_ = slips(failed, "output-loss-mismatch")
    failed.trials.try_out(first, confirm=False)
    again = list(slips(failed, "output-loss-mismatch"))
    assert first.change not in {change.change for change in again}
