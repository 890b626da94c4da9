"""Whether targets are learnt better than the same targets in random order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis import relation
from pytest_converge.diagnosis.cause import FailedTraining
from tests.diagnosis.causes.test_labels_unrelated import plane, signs
from tests.diagnosis.programs import failed_of
from tests.zoo.problems import BINARY, fit, linear, sequential

Adam = optimizers.Adam


def memorising(rows=64):
    """More units than rows: in many steps random labels are learnt by heart."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(256, "relu"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=Adam(0.02), loss=BINARY), x, signs(x))


def test_what_is_learnt_by_heart_is_compared_in_the_steps_of_the_user():
    failed = failed_of(memorising(), steps=300, max_loss=1e-9)
    gained = relation.relation(failed)
    control = failed.trials.done["targets permuted (control)"].losses[0]
    assert control < 0.9 * failed.record.constant_loss
    assert gained is None or gained > relation.RELATED  # never "unrelated"


def striped(*, shuffled, rows=160):
    """Pictures with stripes either way, by a network with more weights than rows."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, rows)
    waves = np.sin(rng.uniform(0, 6, (rows, 1)) + 2 * np.arange(6.0))[:, None] + np.zeros((6, 1))
    x = np.where(y[:, None, None], waves, waves.transpose(0, 2, 1))[..., None]
    x = (x + 0.3 * rng.normal(size=x.shape)).astype("float32")
    y = rng.permutation(y) if shuffled else y
    parts = [layers.Conv2D(32, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    parts += [layers.Dense(64, "relu"), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=Adam(0.01), loss=BINARY, shape=(6, 6, 1))
    return fit(model, x, y[:, None].astype("float32"))


@pytest.mark.parametrize("shuffled", [True, False])
def test_where_any_order_is_learnt_by_heart_rows_held_out_tell(monkeypatch, shuffled):
    failed = failed_of(striped(shuffled=shuffled), steps=60, max_loss=1e-9)
    constant = failed.record.constant_loss
    # Both orders are learnt, and this time the real one no better.
    monkeypatch.setattr(relation, "_loss_of", lambda *_: 0.5 * constant)
    failed.record = dataclasses.replace(
        failed.record, curve=dataclasses.replace(failed.record.curve, final_loss=0.5 * constant)
    )
    monkeypatch.setattr(FailedTraining, "signal", None)
    assert (relation.relation(failed) > relation.RELATED) is not shuffled


def test_what_nobody_predicts_and_is_learnt_a_little_faster_is_looked_at_on_other_rows(monkeypatch):
    failed = failed_of(plane(shuffled=True), steps=60, max_loss=1e-9)
    constant = failed.record.constant_loss
    monkeypatch.setattr(relation, "_loss_of", lambda *_: 0.95 * constant)
    failed.record = dataclasses.replace(
        failed.record, curve=dataclasses.replace(failed.record.curve, final_loss=0.8 * constant)
    )
    assert failed.signal.none
    assert not relation.relation(failed) > relation.RELATED
