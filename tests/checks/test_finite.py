"""Gates: the data, the loss and the weights are finite."""

from __future__ import annotations

import pytest

from pytest_converge.checks.finite import data_is_finite, loss_is_finite, weights_are_finite
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import NonFinite
from tests.checks.curves import record_of

GATES = (data_is_finite, loss_is_finite, weights_are_finite)
AGE = NonFinite(what="data", name="x['age']", row=3, count=1)
ROOMS = NonFinite(what="data", name="x['rooms']", row=0, count=7)
TARGET = NonFinite(what="data", name="y", row=2, count=2)
LOSS = NonFinite(what="loss", name="nan", step=12)
WEIGHTS = NonFinite(what="weights", name="dense/kernel", step=40)


def said(*found):
    record = record_of([2.0, 1.0], nonfinite=found)
    findings = [gate(record, Expectation()) for gate in GATES]
    return [(f.code, f.message) for f in findings if f is not None]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((AGE,), "x['age'] is not finite, first in row 3"),
        ((ROOMS,), "x['rooms'] is not finite, first in row 0 (7 in all)"),
        ((TARGET,), "y is not finite, first in row 2 (2 in all)"),
        ((AGE, ROOMS), "x['age'] is not finite, first in row 3, and 1 more column"),
        (
            (ROOMS, AGE, TARGET),
            "x['rooms'] is not finite, first in row 0 (7 in all), and 2 more columns",
        ),
    ],
)
def test_data_that_is_not_finite(found, message):
    assert said(*found) == [("nonfinite-data", message)]


def test_a_loss_that_is_not_finite():
    assert said(LOSS) == [("nonfinite-loss", "the loss became nan at step 12")]


def test_weights_that_are_not_finite():
    assert said(WEIGHTS) == [
        ("nonfinite-weights", "the weights of dense/kernel are not finite after step 40")
    ]


def test_each_gate_looks_at_its_own_alone():
    codes = [code for code, _ in said(WEIGHTS, LOSS, TARGET)]
    assert codes == ["nonfinite-data", "nonfinite-loss", "nonfinite-weights"]
    assert said() == []


def test_evidence_holds_what_is_known():
    record = record_of([2.0, 1.0], nonfinite=(ROOMS, LOSS))
    assert data_is_finite(record, Expectation()).evidence == {
        "name": "x['rooms']",
        "row": 0,
        "count": 7,
    }
    assert loss_is_finite(record, Expectation()).evidence == {"name": "nan", "step": 12}
