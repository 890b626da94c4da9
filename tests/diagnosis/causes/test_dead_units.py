"""Dead units: named without a proof where the model learns nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
from keras import initializers, layers, optimizers

from pytest_converge.core.guard import STRICT
from pytest_converge.diagnosis import evidence
from pytest_converge.report.section import section
from tests.diagnosis.programs import conclusion, dead, diagnosis_of, failed_of, result_of
from tests.zoo.problems import fit, linear, sequential


def test_dead_layers_are_not_blamed_on_the_labels():
    found = conclusion(failed_of(dead(), steps=40, max_loss=0.1))
    assert found.cause == "dead-units"
    assert "dead on every row" in found.message


def far_below_zero():
    x, _ = linear(0)
    bias = initializers.Constant(-20.0)
    parts = [layers.Dense(16, "relu", bias_initializer=bias, name="hidden"), layers.Dense(1)]
    return fit(
        sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4,)),
        x,
        np.abs(x).sum(axis=1, keepdims=True),
    )


def test_a_layer_that_starts_dead_is_drawn_anew():
    found = diagnosis_of(far_below_zero(), steps=150, max_loss=0.5)
    assert (found.cause, found.proven) == ("dead-units", True)
    assert found.message.startswith("units of hidden are dead on every row; it converges with")
    assert found.evidence["dead_layers"] == "hidden"


@pytest.mark.parametrize("broken", ["gone", "changed"])
def test_readings_that_fail_are_named_and_not_lost(monkeypatch, broken):
    """Without them the same repair goes by another name, which has to be told."""

    def layer_readings(training):
        if broken == "gone":
            return a_name_that_is_nowhere  # noqa: F821 - the mistake
        raise ValueError("no such input")

    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(evidence, "layer_readings", layer_readings)
    result = result_of(far_below_zero(), steps=150, max_loss=0.5)
    reason = dict(result.diagnosis.excluded)["gradients and units of layers"]
    assert (
        reason
        == {
            "gone": "NameError: name 'a_name_that_is_nowhere' is not defined",
            "changed": "ValueError: no such input",
        }[broken]
    )
    text = " ".join(section(result, width=100, unicode=False).split())
    assert f"gradients and units of layers ({reason})" in text


def test_a_mistake_in_the_readings_raises_in_our_own_tests(monkeypatch):
    def layer_readings(training):
        return a_name_that_is_nowhere  # noqa: F821 - the mistake

    monkeypatch.setattr(evidence, "layer_readings", layer_readings)
    with pytest.raises(NameError, match="a_name_that_is_nowhere"):
        failed_of(far_below_zero(), steps=5, max_loss=0.5)
