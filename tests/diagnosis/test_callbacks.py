"""Callbacks in a diagnosis: which are repeated, and repairs of what they set or end."""

from __future__ import annotations

import types

import keras
import pytest
from keras import callbacks, layers, optimizers

from pytest_converge.core.diagnosis import Diagnosis, NamedCause
from pytest_converge.diagnosis.diagnose import _as_said
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import recorded, training_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = linear(3, rows=256)


def network(rate):
    def build():
        parts = [layers.Dense(8, "relu"), layers.Dense(1)]
        return sequential(*parts, optimizer=optimizers.SGD(rate), loss="mse", shape=(4,))

    return build


def decaying(epoch):
    return 3.0 * 0.9**epoch


def test_a_rate_of_a_scheduler_is_repaired_where_it_is_set(tmp_path):
    """Pasted into the optimizer alone it would be overwritten by the callback."""
    saved = callbacks.ModelCheckpoint(str(tmp_path / "a.weights.h5"), save_weights_only=True)
    given = [callbacks.LearningRateScheduler(decaying), saved]
    found = diagnosis_of(fit(network(3.0), X, Y, callbacks=given, epochs=15), max_loss=0.3)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.fix.splitlines() == [
        "keras.optimizers.SGD(0.3)",
        "keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 * decaying(epoch))",
    ]
    assert found.evidence["repeated_callbacks"] == "LearningRateScheduler"
    why = dict(found.excluded)["ModelCheckpoint"]
    assert why == "it only writes, and took part in the first run alone"
    # What is pasted does what was tried.
    factor = callbacks.LearningRateScheduler(lambda epoch: 0.1 * decaying(epoch))
    pasted = fit(network(0.3), X, Y, callbacks=[factor], epochs=15)
    assert recorded(pasted).curve.last == pytest.approx(found.verified[0].losses[0], rel=1e-4)


def test_a_plateau_acts_on_the_loss_of_every_trial():
    plateau = callbacks.ReduceLROnPlateau("loss", patience=1)
    found = diagnosis_of(fit(network(3.0), X, Y, callbacks=[plateau], epochs=15), max_loss=0.3)
    assert found.cause == "learning-rate-too-high"
    assert found.fix.startswith("keras.optimizers.SGD(")
    assert found.evidence["repeated_callbacks"] == "ReduceLROnPlateau"


def test_a_callback_that_ends_the_training_too_early_is_the_cause():
    stop = callbacks.EarlyStopping("loss", patience=0, min_delta=0.2)
    found = diagnosis_of(fit(network(0.02), X, Y, callbacks=[stop], epochs=30), max_loss=0.25)
    assert (found.cause, found.proven) == ("too-few-steps", True)
    assert found.message.startswith("EarlyStopping ended the training after ")
    assert found.fix == (
        "callbacks=[each for each in callbacks if not isinstance(each, keras.callbacks"
        ".EarlyStopping)]"
    )
    kept = [each for each in [stop] if not isinstance(each, keras.callbacks.EarlyStopping)]
    assert kept == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": 4}, "epochs=16"),
        ({"epochs": 4, "steps_per_epoch": 10}, "steps=128  # instead of epochs"),
        ({"epochs": 6, "initial_epoch": 2}, "epochs=18"),
        ({}, "steps=128"),
    ],
)
def test_more_steps_are_said_in_epochs_where_the_call_does(options, said):
    """`steps=` beside the epochs of the call would be refused."""
    training = training_of(fit(network(0.002), X, Y, **options))
    failed = types.SimpleNamespace(training=training)
    named = NamedCause(cause="too-few-steps", message="", fix="one\nsteps=128\nnumber_steps=3")
    found = Diagnosis(cause="too-few-steps", message="", fix="steps=128", causes=(named,))
    found = _as_said(failed, found)
    assert found.fix == said
    assert found.causes[0].fix == f"one\n{said}\nnumber_steps=3"
