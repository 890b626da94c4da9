"""Targets that are very large or far from zero."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.unscaled_targets import standardised_targets
from tests.diagnosis.programs import failed_of, proven_by_its_own
from tests.zoo.problems import SPARSE, fit, linear, sequential


def prices(loss="mse"):
    x, y = linear(0)
    parts = [layers.Dense(8, "tanh"), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=loss), x, 3000 + 500 * y)


def test_prices_are_standardised():
    found = proven_by_its_own(prices(), "unscaled-targets", steps=200, min_skill=0.5)
    assert found.message.startswith("targets on an unsuitable scale: ")
    assert found.message.endswith(" in y")


@pytest.mark.parametrize(("loss", "power"), [("mse", 2), ("mae", 1), ("huber", None)], ids=str)
def test_the_unit_of_the_loss_goes_along(loss, power):
    failed = failed_of(prices(loss), steps=5, max_loss=1e-9)
    (change,) = standardised_targets(failed)
    spread = np.std(failed.reruns.rows.arrays[1])
    expected = None if power is None else pytest.approx(spread**-power, rel=1e-2)
    assert change.loss_factor == expected


def two_heads():
    """Classes from one output and dollars from another."""
    x, _ = linear(0, rows=300)
    kind = x[:, :3].argmax(axis=1)
    dollars = (50_000 + 15_000 * np.tanh(x[:, 0] - x[:, 1])).astype("float32")
    inputs = keras.Input((4,))
    hidden = layers.Dense(16, "relu")(inputs)
    heads = {
        "kind": layers.Dense(3, "softmax", name="kind")(hidden),
        "income": layers.Dense(1, name="income")(hidden),
    }
    model = keras.Model(inputs, heads)
    losses = {"income": "mse", "kind": SPARSE}  # in another order than the targets
    model.compile(optimizers.Adam(0.02), losses, metrics={"kind": ["accuracy"]})
    return fit(model, x, {"kind": kind, "income": dollars})


def test_of_two_targets_the_one_in_dollars_is_standardised():
    bounds = {"kind_accuracy": (0.85, None)}
    found = proven_by_its_own(two_heads(), "unscaled-targets", steps=200, metrics=bounds)
    assert found.where == ("y['income']",)
    assert found.fix.startswith("y['income'] = (y['income'] - y['income'].mean(axis=0))")
    assert not found.excluded


def test_targets_that_are_the_inputs_are_not_scaled_alone():
    x, _ = linear(0, rows=200)
    parts = [layers.Dense(2), layers.Dense(4)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,))
    failed = failed_of(fit(model, 500 * x, 500 * x), steps=5, max_loss=1.0)
    assert failed.evidence.scale.targets
    assert standardised_targets(failed) == []
