"""Gates: the data, the loss and the weights are finite."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest

from pytest_converge.checks.finite import data_is_finite, loss_is_finite, weights_are_finite
from pytest_converge.checks.gates import judge
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import NonFinite, TrainingRecord
from tests.checks.curves import record_of, record_of_batches

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
    record = record_of([2.0, 1.0], nonfinite=(ROOMS, LOSS, WEIGHTS))
    assert data_is_finite(record, Expectation()).evidence == {
        "name": "x['rooms']",
        "row": 0,
        "count": 7,
    }
    assert loss_is_finite(record, Expectation()).evidence == {"name": "nan", "step": 12}
    of_weights = weights_are_finite(record, Expectation()).evidence
    assert of_weights == {"name": "dense/kernel", "step": 40}


# ---- losses that nobody listed ------------------------------------------------------------------

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (record_of_batches([2.0, 1.0, NAN]), "the loss became nan at step 3"),
        (record_of([2.0, NAN, 1.0], probe_rows=9), "the loss became nan on the probe set at step"),
        (record_of([NAN, 2.0, 1.0]), "the loss was nan before the first step"),
        (record_of([2.0, 1.0, -INF]), "the loss became -inf at step 320"),
        (record_of_batches([]), "the loss was not recorded before the first step"),
        (record_of([2.0, 1.0], reported_loss=INF), "the loss became inf in inference at step 320"),
    ],
)
def test_a_loss_is_found_wherever_it_stands(record, message):
    finding = loss_is_finite(record, Expectation())
    assert finding.code == "nonfinite-loss"
    assert finding.message.startswith(message)


@pytest.mark.parametrize("name", ["initial_loss", "final_loss", "inference_loss"])
def test_a_loss_of_the_ends_counts(name):
    record = record_of([2.0, 1.0])
    curve = dataclasses.replace(record.curve, **{name: NAN})
    assert loss_is_finite(dataclasses.replace(record, curve=curve), Expectation()) is not None


def random_record(rng):
    """A training that fell or did not, with and without a probe set, and its finite twin."""
    steps, spread = rng.randint(1, 40), rng.choice([0.0, 0.01, 0.3])
    losses = [math.exp(-rng.random() * n / 9) + spread * rng.random() for n in range(steps)]
    points = sorted(rng.sample(range(steps + 1), rng.randint(0, min(5, steps))))
    probed = bool(points) and rng.random() < 0.8
    curve = LossCurve(
        steps=tuple(range(1, steps + 1)),
        batch_loss=tuple(losses),
        checkpoints=tuple(points) if probed else (),
        probe_loss=tuple(math.exp(-n / 9) for n in points) if probed else (),
        initial_loss=1.0 if probed else None,
        final_loss=math.exp(-steps / 9) if probed else None,
        inference_loss=rng.choice([None, 0.5]) if probed else None,
    )
    return TrainingRecord(seed=0, curve=curve, probe_rows=rng.choice([0, 64]))


def spoilt(curve, rng):
    """The curve with a NaN or an infinity in the place of some of its losses."""
    known = [name for name in LOSSES if getattr(curve, name) not in ((), None)]
    for name in rng.sample(known, rng.randint(1, len(known))):
        bad, held = rng.choice([NAN, INF, -INF]), getattr(curve, name)
        if isinstance(held, tuple):
            at = rng.randrange(len(held))
            bad = (*held[:at], bad, *held[at + 1 :])
        curve = dataclasses.replace(curve, **{name: bad})
    return curve


LOSSES = ("batch_loss", "probe_loss", "initial_loss", "final_loss", "inference_loss")


@pytest.mark.parametrize("number", range(20))
def test_no_record_with_a_loss_that_is_not_finite_passes(number):
    rng = random.Random(number)
    for _ in range(100):
        record = random_record(rng)
        expectation = Expectation(
            max_loss=rng.choice([None, 0.5, 1e30]),
            min_decrease=rng.choice([None, 0.0, 0.5]),
            monotone=rng.choice(["trend", "strict", "off"]),
        )
        assert loss_is_finite(record, expectation) is None
        bad = dataclasses.replace(record, curve=spoilt(record.curve, rng))
        assert judge(bad, expectation)[0].code == "nonfinite-loss"
