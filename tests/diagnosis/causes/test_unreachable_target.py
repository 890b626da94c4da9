"""Targets that cannot be reached: floors, and rows that contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis.evidence import Evidence
from tests.diagnosis.programs import SPREAD, conclusion, diagnosis_of, distance, failed_of
from tests.zoo.problems import BINARY, SPARSE, fit, linear, sequential

SGD = optimizers.SGD


def test_a_bound_below_the_minimum_is_unreachable():
    found = diagnosis_of(distance(SGD(0.1)), steps=100, max_loss=0.5)
    assert found.cause == "unreachable-target"
    assert found.floor == pytest.approx(SPREAD, rel=1e-4)
    finite = [loss for trial in found.tried for loss in trial.losses if np.isfinite(loss)]
    assert min(finite) >= found.floor
    assert "0.6667" in found.message
    assert "max_loss=0.5" in found.message
    assert found.fix == "max_loss=0.7"  # a twentieth above the floor
    assert not found.verified


def regression(x, y, loss="mse"):
    return fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss=loss), x, y)


def test_the_same_inputs_with_other_targets():
    x, y = linear(0, rows=100)
    start = regression(np.concatenate([x, x]), np.concatenate([y + 1, y - 1]))
    found = diagnosis_of(start, steps=60, max_loss=0.3)
    assert found.cause == "unreachable-target"
    assert "100 %" in found.message
    assert found.floor >= 0.9  # half of the difference, squared, is 1


@pytest.mark.parametrize("rate", [1e-4, 0.1])
def test_what_a_rate_reaches_is_not_unreachable_for_contradicting_rows(rate):
    """Sixteen points of 32 rows each with a twelfth of the labels wrong."""
    x = np.repeat(np.linspace(-1, 1, 16), 32)[:, None]
    y = (x[:, 0] > 0).astype(int)
    y[::12] = 1 - y[::12]
    model = sequential(layers.Dense(2, "softmax"), optimizer=SGD(rate), loss=SPARSE, shape=(1,))
    found = diagnosis_of(fit(model, x, y), steps=100, max_loss=0.48 if rate < 0.1 else 0.1)
    assert found.cause == ("learning-rate-too-low" if rate < 0.1 else "unreachable-target")


def noisy_labels(*, related):
    x, _ = linear(0, rows=600)
    rng = np.random.default_rng(1)
    y = (x[:, :1] > 0) if related else rng.random((600, 1)) < 0.5
    y = np.where(rng.random((600, 1)) < 0.2, ~y, y).astype("float32")
    return fit(
        sequential(layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=BINARY), x, y
    )


@pytest.mark.parametrize(
    ("related", "cause"), [(True, "unreachable-target"), (False, "labels-unrelated")]
)
def test_permuted_targets_tell_a_floor_from_unrelated_labels(related, cause):
    failed = failed_of(
        noisy_labels(related=related), steps=100, evidence=Evidence(rate=0.1), max_loss=0.1
    )
    found = conclusion(failed)
    assert found.cause == cause
    assert found.floor == (pytest.approx(failed.record.curve.last) if related else None)
    assert [t.change for t in failed.trials.done.values()] == ["targets permuted (control)"]
    assert failed.trials.like_the_failed_run == []  # the control is no attempt at a repair


def test_without_targets_to_permute_nothing_is_claimed():
    """One run of a closure meets no floor that a second run would confirm."""
    found = conclusion(failed_of(distance(SGD(0.1)), max_loss=0.5))
    assert found.cause == "unknown"
    assert "none of 0 changes" in found.message


def test_a_bound_that_was_reached_is_not_called_unreachable():
    x, _ = linear(0, rows=200)
    y = (x[:, :1] > 0).astype("float32")
    head = layers.Dense(1, "sigmoid")
    start = fit(sequential(head, optimizer=optimizers.Adam(0.05), loss=BINARY), x, y)
    failed = failed_of(start, steps=60, max_loss=2.0, min_skill=0.99)
    assert failed.record.curve.last < 2.0
    assert conclusion(failed).cause == "unknown"
