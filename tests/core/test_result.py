"""Records, findings and results: what they tell, and that they survive JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.input_scales import ColumnScale, InputScales
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run

MISSED = Finding(code="target-missed", message="loss 0.4", evidence={"final_loss": 0.4})
FLAT = Finding(code="not-decreasing", message="did not fall")
NOTE = Finding(code="inference-gap", message="differs", fails=False, evidence={"name": None})


def curve(last=1.0, updates=2):
    steps = tuple(range(1, updates + 1))
    return LossCurve(steps=steps, batch_loss=(2.0,) * updates, initial_loss=3.0, final_loss=last)


def run_of(*findings, seed=0, **record):
    values = {"curve": curve(), **record}
    return Run(record=TrainingRecord(seed=seed, **values), findings=findings)


def result_of(*runs, **fields):
    values = {"test": "t.py::t", "verb": "fit", "expectation": Expectation(seed=1), **fields}
    return ConvergenceResult(runs=runs, **values)


@pytest.mark.parametrize(
    ("findings", "passed"),
    [((), True), ((NOTE,), True), ((MISSED,), False), ((NOTE, MISSED), False)],
)
def test_a_run_passes_without_failing_findings(findings, passed):
    assert run_of(*findings).passed == passed


@pytest.mark.parametrize(
    ("runs", "passed", "shown"),
    [
        ([run_of(seed=1), run_of(seed=2)], True, 1),
        ([run_of(seed=1), run_of(NOTE, seed=2)], True, 1),
        ([run_of(seed=1), run_of(MISSED, seed=2), run_of(FLAT, seed=3)], False, 2),
        ([run_of(MISSED, seed=1), run_of(seed=2)], False, 1),
    ],
)
def test_every_start_must_pass_and_the_first_failing_one_is_shown(runs, passed, shown):
    result = result_of(*runs)
    assert result.passed == passed
    assert result.shown_run.record.seed == shown


def test_failing_findings_come_first_in_their_own_order():
    result = result_of(run_of(NOTE, MISSED, FLAT))
    assert result.findings == (MISSED, FLAT, NOTE)


def test_a_result_speaks_of_the_shown_run():
    good = run_of(seconds=1.0, metrics={"accuracy": 0.9}, constant_loss=2.0)
    bad = run_of(
        MISSED,
        seconds=2.5,
        metrics={"accuracy": 0.5},
        constant_loss=2.0,
        curve=curve(last=4.0, updates=7),
    )
    result = result_of(good, bad)
    assert (result.initial_loss, result.final_loss, result.steps) == (3.0, 4.0, 7)
    assert result.metrics == {"accuracy": 0.5}
    assert result.skill == 1 - 4.0 / 2.0
    assert result.curve == bad.record.curve
    assert result.seconds == 3.5


@pytest.mark.parametrize(
    ("last", "constant", "regularisation", "skill"),
    [
        (1.0, 4.0, 0.0, 0.75),
        (0.0, 4.0, 0.0, 1.0),
        (0.25, 0.5, 0.0, 0.5),
        (4.0, 4.0, 0.0, 0.0),
        (8.0, 4.0, 0.0, -1.0),
        (2.0, 4.0, 1.0, 0.75),
        (1.0, None, 0.0, None),
        (1.0, 0.0, 0.0, None),
        (1.0, float("nan"), 0.0, None),
    ],
)
def test_skill_is_the_share_of_the_constant_loss_that_is_gone(
    last, constant, regularisation, skill
):
    record = run_of(
        curve=curve(last=last), constant_loss=constant, regularisation=regularisation
    ).record
    assert record.skill == skill


def test_a_result_survives_json():
    first = run_of(
        MISSED,
        NOTE,
        seed=5,
        seconds=1.25,
        driver="step",
        driver_reason="too large",
        traces=2,
        probe_rows=178,
        metrics={"accuracy": 0.5},
        loss_name="mean_squared_error",
        nonnegative=True,
        reported_loss=1.0,
        predicted_loss=1.5,
        saturated=True,
        constant_loss=2.0,
        regularisation=0.25,
        constant_columns=("x[:, 3]",),
        input_scales=InputScales(
            columns=(ColumnScale(name="x[:, 0]", mean=5.0, deviation=2.0, low=1.0, high=9.0),),
            width=4,
        ),
        dead_units={"dense": 0.25},
        limit_share=0.5,
        overlap=RowOverlap(shared=1, rows=10, expected=0.5, p_value=0.25),
        variables_changed=True,
        nonfinite=(
            NonFinite(what="data", name="x['age']", row=3, count=2),
            NonFinite(what="loss", name="nan", step=4),
        ),
        callbacks=("EarlyStopping", "Own"),
        stopped_by="EarlyStopping",
        excluded=(("dead units", "NameError: x"),),
    )
    result = result_of(
        first, run_of(seed=6), number=2, expectation=Expectation(metrics={"accuracy": (0.9, None)})
    )
    defaults = run_of().record
    for field in dataclasses.fields(TrainingRecord):  # a field that is added is tested here too
        assert field.name == "curve" or getattr(first.record, field.name) != getattr(
            defaults, field.name
        )
    assert ConvergenceResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_a_long_curve_is_thinned_on_its_way_without_changing_the_verdict():
    steps = tuple(range(1, 2001))
    losses = tuple(3.0 / step for step in steps)
    record = TrainingRecord(
        seed=0, curve=LossCurve(steps=steps, batch_loss=losses), constant_loss=2.0
    )
    again = TrainingRecord.from_dict(json.loads(json.dumps(record.to_dict())))
    assert len(again.curve.steps) < len(steps)
    assert again.curve.last == record.curve.last
    assert again.curve.updates == 2000
    assert again.skill == record.skill
