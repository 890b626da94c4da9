"""Notes never turn a test red."""

from __future__ import annotations

import dataclasses
import math

import pytest
from checks.curves import record_of

from pytest_converge.checks.notes import features_vary, inference_differs
from pytest_converge.core.expectation import Expectation


def compared(inference, last):
    record = record_of([5.0, last])
    curve = dataclasses.replace(record.curve, inference_loss=inference)
    return inference_differs(dataclasses.replace(record, curve=curve), Expectation())


@pytest.mark.parametrize(
    ("inference", "last", "noted"),
    [
        (0.208, 0.025, True),
        (2.0, 1.0, False),
        (2.0 + 1e-9, 1.0, True),
        (0.1, 1.0, False),
        (math.inf, 1.0, True),
        (None, 1.0, False),
        (1.0, 0.0, False),
        (1.0, -1.0, False),
        (1.0, math.nan, False),
        (math.nan, 1.0, True),
    ],
)
def test_an_inference_loss_more_than_twice_as_high_is_noted(inference, last, noted):
    assert (compared(inference, last) is not None) == noted


def test_what_is_said():
    finding = compared(0.208, 0.025)
    assert (finding.code, finding.fails) == ("inference-gap", False)
    assert finding.message == "the loss is 0.208 in inference and 0.025 in training mode"
    assert finding.evidence == {"inference_loss": 0.208, "final_loss": 0.025}


def test_a_training_without_a_probe_set_has_no_such_note():
    record = record_of([5.0, 1.0])
    curve = dataclasses.replace(record.curve, inference_loss=9.0, final_loss=None)
    assert inference_differs(dataclasses.replace(record, curve=curve), Expectation()) is None


def test_constant_columns_are_named_and_counted():
    names = tuple(f"x[:, {n}]" for n in range(5))
    finding = features_vary(record_of([5.0, 1.0], constant_columns=names), Expectation())
    assert (finding.code, finding.fails) == ("constant-feature", False)
    assert finding.message == "x[:, 0], x[:, 1], x[:, 2] and 2 more has the same value in every row"
    assert features_vary(record_of([5.0, 1.0]), Expectation()) is None
