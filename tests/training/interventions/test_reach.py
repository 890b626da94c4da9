"""Targets that the output can give, and outputs that can give the targets."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions import reach
from pytest_converge.training.measures.output_range import FixedMoments

NORMAL = FixedMoments(mean=0.0, deviation=1.0)
PRICES = np.array([4.0, 8.0, 4.0, 8.0])


def model_of(*parts):
    return keras.Sequential([keras.Input((4,)), *parts])


def normalised(**settings):
    last = layers.LayerNormalization(center=False, scale=False, name="last")
    return model_of(layers.Dense(3), last, **settings)


@pytest.mark.parametrize(("power", "factor"), [(-2, 0.25), (-1, 0.5), (None, None)])
def test_a_loss_shrinks_with_the_range_of_its_targets(power, factor):
    change = reach.into_range(PRICES, -1.0, 1.0, power)
    assert (change.loss_factor, change.redefines_loss) == (factor, power is None)
    assert change.change == "targets of 4 to 8 mapped onto -1 to 1"


@pytest.mark.parametrize(("power", "factor"), [(-2, 0.25), (-1, 0.5), (None, None)])
def test_a_last_layer_that_fixes_the_moments_is_left_out_or_suited(power, factor):
    model, x = normalised(), np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    left_out, suited = reach.to_other_moments(model, PRICES, NORMAL, power)
    before = np.asarray(model(x))
    with left_out.variant(None):
        during = np.asarray(model(x))
    np.testing.assert_array_equal(np.asarray(model(x)), before)
    pasted = {"model": model, "keras": keras}
    exec(left_out.fix, pasted)  # noqa: S102 - that it can be pasted is the point
    np.testing.assert_allclose(during, np.asarray(pasted["model"](x)), rtol=1e-5)
    assert (left_out.where, left_out.loss_factor) == (("last",), 1.0)
    assert (suited.change, suited.code) == ("targets standardised", "output-loss-mismatch")
    assert (suited.loss_factor, suited.redefines_loss) == (factor, power is None)
    assert suited.fault == left_out.fault
    assert left_out.fault == (
        "outputs have mean 0 and deviation 1 under any weights, targets mean 6 and deviation 2"
    )


def test_targets_that_are_as_the_output_need_nothing():
    assert not list(reach.to_other_moments(normalised(), (PRICES - 6) / 2, NORMAL, -2))


def test_what_is_no_layer_by_itself_is_not_left_out():
    model = model_of(layers.Dense(4))
    assert not list(reach.without_last(model, "it gives no prices"))
    changes = reach.to_other_moments(model, PRICES, NORMAL, -2)
    assert [change.change for change in changes] == ["targets standardised"]


def test_targets_are_not_made_constant():
    seen = FixedMoments(mean=float("nan"), deviation=0.0)
    (change,) = reach.to_other_moments(normalised(), PRICES, seen, -2)
    assert change.change == "no last behind the output"
    assert change.fault.startswith("outputs have deviation 0 under any weights, targets mean 6")
