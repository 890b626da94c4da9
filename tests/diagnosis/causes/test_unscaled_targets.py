"""Targets that are very large or far from zero."""

from __future__ import annotations

import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.unscaled_targets import standardised_targets
from tests.diagnosis.programs import failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, sequential


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
