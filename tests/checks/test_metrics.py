"""Gate: compiled metrics lie within the bounds that were asked for."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.metrics import metrics_within_bounds
from pytest_converge.core.expectation import Expectation
from tests.checks.curves import record_of


def bounded(measured, bounds):
    return metrics_within_bounds(record_of([2, 1], metrics=measured), Expectation(metrics=bounds))


@pytest.mark.parametrize(
    ("value", "bound", "passes"),
    [
        (0.9, (0.9, None), True),
        (0.9 - 1e-9, (0.9, None), False),
        (0.9, (None, 0.9), True),
        (0.9 + 1e-9, (None, 0.9), False),
        (0.5, (0.5, 0.5), True),
        (0.4, (0.5, 0.6), False),
        (0.7, (0.5, 0.6), False),
        (math.nan, (0.9, None), False),
        (math.nan, (None, 0.9), False),
        (math.inf, (0.9, None), True),
        (None, (0.9, None), False),
        (None, (None, 0.9), False),
        (-2.0, (-3.0, -1.0), True),
    ],
)
def test_the_bounds_belong_to_the_good_side(value, bound, passes):
    measured = {} if value is None else {"m": value}
    assert (bounded(measured, {"m": bound}) is None) == passes


def test_what_is_said():
    finding = bounded(
        {"accuracy": 0.81234, "mae": 3.0, "auc": 0.99},
        {"accuracy": (0.9, None), "mae": (None, 2.5), "auc": (0.9, 1), "recall": (0.5, None)},
    )
    assert (finding.code, finding.fails) == ("metric-out-of-bounds", True)
    assert finding.message == (
        "accuracy is 0.8123, below 0.9; mae is 3, above 2.5; recall was not measured"
    )
    assert finding.evidence == {"accuracy": 0.81234, "mae": 3.0, "auc": 0.99, "recall": None}


def test_a_bound_missed_by_a_hair_does_not_read_as_if_it_were_met():
    finding = bounded({"accuracy": 0.89999999}, {"accuracy": (0.9, None)})
    assert finding.message == "accuracy is 0.89999999, below 0.9"


def test_metrics_without_a_bound_do_not_matter():
    assert bounded({"accuracy": 0.0}, {}) is None
