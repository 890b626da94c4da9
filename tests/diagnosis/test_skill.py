"""What the best constant prediction leaves of a loss, and what a training gains on it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis.skill import (
    constant_loss,
    learnt_nothing,
    least_loss,
    skill_in_squares,
)
from tests.diagnosis.causes.test_unreachable_target import noisy_labels
from tests.diagnosis.programs import failed_of
from tests.zoo.problems import BINARY, fit, linear, sequential


def test_errors_that_are_squared_have_the_skill_that_they_have():
    failed = failed_of(noisy_labels(related=True), steps=50, max_loss=0.1)
    left = failed.record.curve.last / failed.record.constant_loss
    assert skill_in_squares(failed) == pytest.approx(1 - left)


def test_the_loss_of_the_best_constant_is_fitted_where_no_formula_gives_it():
    x, _ = linear(0, rows=200)
    y = np.random.default_rng(0).normal(2.0, 3.0, (200, 1)).astype("float32")
    own = lambda truth, guess: (truth - guess) ** 2  # noqa: E731 - a loss of the user's
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(1e-4), loss=own, shape=(4,))
    failed = failed_of(fit(model, x, y), steps=5, max_loss=0.1)
    assert failed.record.constant_loss is None
    assert constant_loss(failed) == pytest.approx(y.var(), rel=0.02)


@pytest.mark.parametrize(("shares", "least"), [((0.0, 1.0), 0.0), ((0.3, 0.3), 0.6109)])
def test_no_prediction_of_shares_gets_below_their_entropy(shares, least):
    """-0.3 ln 0.3 - 0.7 ln 0.7."""
    x, _ = linear(0, rows=200)
    y = np.tile(np.array(shares, "float32"), 100)[:, None]
    head = layers.Dense(1, "sigmoid")
    model = sequential(head, optimizer=optimizers.SGD(1e-4), loss=BINARY, shape=(4,))
    failed = failed_of(fit(model, x, y), steps=5, max_loss=0.01)
    assert least_loss(failed) == pytest.approx(least, abs=2e-3)


@pytest.mark.parametrize(
    ("skill", "nothing"), [(-0.5, True), (0.07, True), (0.2, False), (None, False)]
)
def test_what_chance_makes_is_nothing_learnt(skill, nothing):
    assert learnt_nothing(SimpleNamespace(record=SimpleNamespace(skill=skill))) is nothing
