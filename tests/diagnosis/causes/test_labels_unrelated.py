"""Unrelated labels: said last, and left unsaid where the model is to blame."""

from __future__ import annotations

from keras import initializers, layers, optimizers

from pytest_converge.diagnosis.causes import labels_unrelated
from pytest_converge.diagnosis.evidence import Evidence
from tests.diagnosis.programs import conclusion, dead, failed_of
from tests.zoo.problems import BINARY, fit, linear, sequential

Adam = optimizers.Adam


def signs(x):
    return (x[:, :1] > 0).astype("float32")


def logistic(rows=200):
    x, _ = linear(0, rows=rows)
    head = layers.Dense(1, "sigmoid")
    return fit(sequential(head, optimizer=Adam(0.05), loss=BINARY, shape=(4,)), x, signs(x))


def squeezed(rows=200):
    """An autoencoder that gives the same for all rows."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(1, "relu", bias_initializer=initializers.Constant(-50.0))]
    return fit(sequential(*parts, layers.Dense(4), optimizer=Adam(0.01), loss="mse"), x, x)


def test_inputs_as_their_own_targets_are_related():
    evidence = Evidence(rate=0.01)
    failed = failed_of(squeezed(), steps=40, evidence=evidence, max_loss=0.01)
    assert labels_unrelated.are_inputs(failed)
    assert conclusion(failed).cause == "unknown"


def test_other_targets_are_no_inputs():
    assert not labels_unrelated.are_inputs(failed_of(logistic(), steps=5))


def test_a_model_that_learns_one_batch_does():
    assert labels_unrelated.learns_a_batch(failed_of(logistic(), steps=60, max_loss=0.1))


def test_a_model_that_does_not_learn_one_batch_says_nothing_about_labels():
    failed = failed_of(dead(), steps=40, evidence=Evidence(rate=0.01), max_loss=0.1)
    assert not labels_unrelated.learns_a_batch(failed)
    assert conclusion(failed).cause == "unknown"


def memorising(rows=64):
    """More units than rows: in many steps random labels are learnt by heart."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(256, "relu"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=Adam(0.02), loss=BINARY), x, signs(x))


def test_what_is_learnt_by_heart_is_compared_in_the_steps_of_the_user():
    failed = failed_of(memorising(), steps=300, max_loss=1e-9)
    gained = labels_unrelated.relation(failed)
    control = failed.trials.done["targets permuted (control)"].losses[0]
    assert control < 0.9 * failed.record.constant_loss
    assert gained is None or gained > labels_unrelated.RELATED  # never "unrelated"
