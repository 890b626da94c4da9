"""All gates together: their order, and what `ignore` switches off."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.checks.gates import GATES, is_ignored, judge
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES, Finding
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.core.record import NonFinite
from tests.checks.curves import record_of

#: Codes that no single training can get: they compare trainings.
EVERYTHING = Expectation(max_loss=0.1, min_decrease=0.5, min_skill=0.5, metrics={"m": (0.9, None)})


@pytest.fixture
def worst():
    """A record in which every gate that does not exclude another finds something."""
    record = record_of(
        [1.0, 0.5, 0.4, 3.0, 3.0, 3.0],
        nonfinite=(
            NonFinite(what="weights", name="kernel", step=320),
            NonFinite(what="data", name="x", row=0),
        ),
        variables_changed=False,
        nonnegative=True,
        reported_loss=-1.0,
        predicted_loss=9.0,
        metrics={"m": 0.1},
        constant_loss=1.0,
        constant_columns=("x[:, 2]",),
        limit_share=0.97,
        dead_units={"dense": 0.75},
        overlap=RowOverlap(shared=9, rows=10, expected=0.0, p_value=1e-9),
    )
    curve = dataclasses.replace(record.curve, inference_loss=30.0, learning_rate=(0.5,))
    return dataclasses.replace(record, curve=curve)


def codes(record, expectation=EVERYTHING):
    return [finding.code for finding in judge(record, expectation)]


def test_causes_come_before_consequences(worst):
    assert codes(worst) == [
        "nonfinite-data",
        "nonfinite-weights",
        "nothing-trained",
        "negative-loss",
        "loss-disagrees",
        "target-missed",
        "not-decreasing",
        "not-monotone",
        "metric-out-of-bounds",
        "skill-too-low",
        "inference-gap",
        "constant-feature",
        "edge-of-stability",
        "dead-units",
        "validation-overlap",
    ]


def test_every_documented_code_is_found_by_a_gate(worst):
    broken = dataclasses.replace(worst, nonfinite=(NonFinite(what="loss", name="nan", step=1),))
    found = {*codes(worst), *codes(broken)}
    documented = {*GATE_CODES, *NOTE_CODES}
    # What is compared with a recorded baseline is judged when all starts are known.
    assert found == documented - {"worse-than-baseline", "better-than-baseline", "perhaps-worse"}
    assert len(GATES) == len(found)


def test_gates_fail_and_notes_do_not(worst):
    for finding in judge(worst, EVERYTHING):
        assert finding.fails == (finding.code in GATE_CODES)
        assert finding.fails != (finding.code in NOTE_CODES)


def test_every_sentence_is_short_and_every_number_plain(worst):
    for finding in judge(worst, EVERYTHING):
        assert len(finding.message) <= 160
        assert all(type(v) in (float, int, str, type(None)) for v in finding.evidence.values())


def test_a_healthy_training_has_no_finding():
    record = record_of([2.0 * 0.8**i for i in range(33)], reported_loss=0.0, predicted_loss=0.0)
    assert judge(record, Expectation(max_loss=0.1, min_decrease=0.5)) == ()


def test_a_loss_that_is_not_finite_is_said_once():
    record = record_of(
        [2.0, 1.0, math.nan], nonfinite=(NonFinite(what="loss", name="nan", step=200),)
    )
    assert codes(record, Expectation(max_loss=0.1, min_decrease=0.5)) == ["nonfinite-loss"]


@pytest.mark.parametrize("code", GATE_CODES)
def test_no_outcome_can_be_ignored_but_that_of_the_data(worst, code):
    if code == "nonfinite-data":
        expectation = dataclasses.replace(EVERYTHING, ignore=(code,))
        assert codes(worst, expectation) == codes(worst)[1:]
    else:
        with pytest.raises(InvalidTrainingError, match=f"got the gate '{code}' in ignore"):
            dataclasses.replace(EVERYTHING, ignore=(code,))


def test_a_note_can_be_ignored(worst):
    expectation = dataclasses.replace(EVERYTHING, ignore=("other", "inference-gap"))
    assert codes(worst, expectation) == [c for c in codes(worst) if c != "inference-gap"]


@pytest.mark.parametrize(("fails", "ignored"), [(True, False), (False, True)])
def test_a_finding_of_a_hook_is_ignored_where_it_is_a_note(fails, ignored):
    finding = Finding(code="mine", message="m", fails=fails)
    assert is_ignored(finding, Expectation(ignore=("mine",))) == ignored
    assert not is_ignored(finding, Expectation(ignore=("another",)))
