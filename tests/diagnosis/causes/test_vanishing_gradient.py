"""A gradient that gets lost on its way through the layers."""

from __future__ import annotations

import math

import pytest
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import vanishing_gradient
from pytest_converge.diagnosis.causes.vanishing_gradient import CAUSE
from pytest_converge.diagnosis.evidence import Evidence
from tests.diagnosis.programs import diagnosis_of, failed_of, readings_of
from tests.zoo.problems import fit, linear, sequential


def deep(activation="sigmoid", count=8):
    x, _ = linear(0, noise=0.0)
    hidden = [layers.Dense(12, activation) for _ in range(count)]
    model = sequential(*hidden, layers.Dense(1), optimizer=optimizers.Adam(0.003), loss="mse")
    return fit(model, x, x[:, :1] * x[:, 1:2])


@pytest.mark.slow
def test_eight_layers_of_sigmoids():
    found = diagnosis_of(deep(), steps=250, max_loss=0.2)
    assert (found.cause, found.proven) == ("vanishing-gradient", True)
    assert "of the last one's gradient; it converges with" in found.message


@pytest.mark.slow
def test_biases_far_off_in_front_of_sigmoids_are_a_cause_of_their_own():
    x, _ = linear(0, noise=0.0)
    far = {"bias_initializer": initializers.Constant(-20.0)}
    hidden = [layers.Dense(12, "sigmoid", **far) for _ in range(8)]
    model = sequential(*hidden, layers.Dense(1), optimizer=optimizers.Adam(0.003), loss="mse")
    found = diagnosis_of(fit(model, x, x[:, :1] * x[:, 1:2]), steps=250, max_loss=0.2)
    codes = {cause.cause for cause in found.causes}
    assert codes == {"vanishing-gradient", "bad-initialisation"}


def test_zeros_hide_no_gradient_that_vanishes():
    x, y = linear(0, noise=0.0)
    zero = {"kernel_initializer": "zeros"}
    hidden = [layers.Dense(12, "tanh", **zero) for _ in range(2)]
    parts = [*hidden, layers.Dense(1, **zero)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.01), loss="mse")
    failed = failed_of(fit(model, x, y), steps=20, max_loss=1e-9)
    assert failed.evidence.vanishing
    assert list(vanishing_gradient._drawn_anew_and_activations(failed)) == []


def test_a_vanishing_gradient_comes_with_its_share():
    evidence = Evidence(rate=0.01, layers=readings_of(first_to_last=2e-5))
    answer = Answer(cause="vanishing-gradient")
    assert "gets 2e-05 of the last one's gradient" in CAUSE.says(evidence, answer)
    assert evidence.faint
    assert "the start does not train" in CAUSE.says(Evidence(rate=math.nan), answer)
