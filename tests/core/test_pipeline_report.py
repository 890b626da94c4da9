"""The report about a pipeline."""

from __future__ import annotations

import json

import pytest

from pytest_converge.core.data_report import DataFinding
from pytest_converge.core.pipeline_report import Difference, PipelineReport, PipelineTrial

DIFFERS = Difference(columns=("x0",), largest=0.5, rows=3, compared=10)
TRIALS = (
    PipelineTrial(code="second-fit", what="statistics", difference=DIFFERS),
    PipelineTrial(code="reload-differs", what="saved", difference=Difference(compared=10)),
    PipelineTrial(code="target-leak", what="targets", why_not="none were given"),
    PipelineTrial(code="unseen-values", what="new", difference=DIFFERS, columns=("city",)),
)


@pytest.mark.parametrize(
    ("trial", "outcome"),
    [*zip(TRIALS, ("failed", "passed", "not tried", "failed"), strict=True)],
)
def test_the_outcome_of_a_trial(trial, outcome):
    assert trial.outcome == outcome
    assert trial.failed == (outcome == "failed")


def test_an_error_is_a_difference():
    assert not Difference(problem="ValueError: no").is_none
    assert Difference(compared=5).is_none


def test_a_report_survives_the_way_through_json():
    finding = DataFinding(code="second-fit", message="...", columns=("x0",))
    report = PipelineReport(
        test="t",
        pipeline="Scaler",
        rows=(20, 10),
        features=("x0",),
        trials=TRIALS,
        findings=(finding,),
    )
    assert PipelineReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert report.codes == ("second-fit",)
    assert report.columns_of("second-fit") == ("x0",)
    assert not report.passed
