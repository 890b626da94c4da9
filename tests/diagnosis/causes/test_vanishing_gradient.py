"""A gradient that gets lost on its way through the layers."""

from __future__ import annotations

import math

import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes.vanishing_gradient import CAUSE
from pytest_converge.diagnosis.evidence import Evidence
from tests.diagnosis.programs import diagnosis_of, readings_of
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


def test_a_vanishing_gradient_comes_with_its_share():
    evidence = Evidence(rate=0.01, layers=readings_of(first_to_last=2e-5))
    answer = Answer(cause="vanishing-gradient")
    assert "gets 2e-05 of the last one's gradient" in CAUSE.says(evidence, answer)
    assert evidence.faint
    assert "the start does not train" in CAUSE.says(Evidence(rate=math.nan), answer)
