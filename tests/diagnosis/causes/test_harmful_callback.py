"""A callback that undoes or hinders the training."""

from __future__ import annotations

import dataclasses
import types

import pytest
from keras import callbacks, layers, optimizers

from pytest_converge.diagnosis.causes import frozen_variables
from tests.diagnosis.programs import diagnosis_of, failed_of
from tests.zoo.problems import fit, linear, sequential

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = linear(0, rows=128)


def network(rate=0.05):
    return sequential(layers.Dense(1), optimizer=optimizers.SGD(rate), loss="mse", shape=(4,))


class OfTheFirstEpoch(callbacks.Callback):
    """Puts the weights of the first epoch back at the end."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


class Idle(callbacks.Callback):
    """Looks on."""

    def on_epoch_end(self, epoch, logs=None):
        pass


def test_a_callback_that_puts_weights_back_is_named():
    given = [Idle(), OfTheFirstEpoch(), callbacks.TerminateOnNaN()]
    found = diagnosis_of(fit(network(), X, Y, callbacks=given, epochs=20), max_loss=0.02)
    assert (found.cause, found.proven) == ("harmful-callback", True)
    assert found.message == (
        "OfTheFirstEpoch undoes or hinders what the steps learn; it converges with"
        " the callback OfTheFirstEpoch left out"
    )
    assert found.fix.endswith("if not isinstance(each, OfTheFirstEpoch)]")
    assert [trial.change for trial in found.tried] == ["the callback OfTheFirstEpoch left out"]


def test_a_plateau_that_is_none_is_named_and_no_rate_that_makes_up_for_it():
    given = [callbacks.ReduceLROnPlateau("loss", mode="max", patience=0, factor=0.1, min_lr=0)]
    found = diagnosis_of(fit(network(), X, Y, callbacks=given, epochs=20), max_loss=0.02)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert [trial.change for trial in found.tried] == ["the callback ReduceLROnPlateau left out"]
    assert found.message.startswith("ReduceLROnPlateau sets the learning rate, from 0.05 to ")


def test_a_rate_that_a_callback_holds_is_said_once():
    given = [callbacks.LearningRateScheduler(lambda epoch: 1e-6)]
    found = diagnosis_of(fit(network(), X, Y, callbacks=given, epochs=20), max_loss=0.02)
    assert found.cause == "learning-rate-too-low"
    assert found.message.startswith("LearningRateScheduler sets the learning rate to 1e-6; it ")


def test_a_rate_that_falls_late_hinders_nothing_by_being_low():
    """Most trainings end at a lower rate than they begin with."""

    class Late(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch > 15:
                self.model.optimizer.learning_rate = 1e-4
            if epoch == 15:
                self.model.set_weights([0 * each for each in self.model.get_weights()])

    found = diagnosis_of(fit(network(), X, Y, callbacks=[Late()], epochs=20), max_loss=0.02)
    assert found.cause == "harmful-callback"


def test_what_a_callback_puts_back_is_not_called_frozen(monkeypatch):
    given = [OfTheFirstEpoch()]
    failed = failed_of(fit(network(), X, Y, callbacks=given, epochs=2), max_loss=1e-9)
    names = tuple(variable.name for variable in failed.training.trainable)[:1]
    seen = dataclasses.replace(failed.evidence)
    there = types.SimpleNamespace(
        evidence=seen,
        training=failed.training,
        reruns=types.SimpleNamespace(unmoved=names),
        record=failed.record,
    )
    assert frozen_variables._unmoved(there) is None
    monkeypatch.setattr(frozen_variables, "_slopes", lambda _: dict.fromkeys(names, 1.0))
    alone = types.SimpleNamespace(callbacks=None, trainable=failed.training.trainable)
    there.training = alone
    assert frozen_variables._unmoved(there).where == names
