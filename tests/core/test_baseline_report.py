"""The report about a baseline crosses processes whole."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_converge.core.baseline import BaselineVerdict
from pytest_converge.core.baseline_report import ACTIONS, WRITTEN, BaselineReport, Difference

VERDICT = BaselineVerdict(
    outcome="fail",
    look="four runs",
    runs=4,
    ranks=((20, 20, 20, 20), (20, 19, 20, 20)),
    p_values=(9.4e-5, 1e-3),
    effect=(0.43, 0.61),
    detectable=0.27,
    false_alarm=8.8e-4,
    reason="all 4 runs are worse",
)
REPORT = BaselineReport(
    action="updated",
    path="__converge__/test_a/test_b--00000000.json",
    revision="main",
    commit="abc",
    verdict=VERDICT,
    metric="val_loss",
    environment=(Difference(name="threads", recorded=2, present=None),),
    before=(0.5, 0.4),
    after=(0.6, 0.5),
    runs=20,
    seconds=1.5,
)


def test_a_report_survives_json():
    plain = BaselineReport(action="checked")
    for field in dataclasses.fields(BaselineReport):  # a field that is added is tested here too
        assert field.name == "action" or getattr(REPORT, field.name) != getattr(plain, field.name)
    for report in (REPORT, plain):
        assert BaselineReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize("action", ACTIONS)
def test_what_wrote_the_file(action):
    assert BaselineReport(action=action).written == (action in {"recorded", "updated"})
    assert set(ACTIONS) > WRITTEN
