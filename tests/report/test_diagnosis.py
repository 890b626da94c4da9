"""The order in which every report gives what was tried."""

from __future__ import annotations

from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.report.diagnosis import all_trials


def test_controls_come_last_however_well_they_did():
    control = Trial(
        change="half of the rows", code="label-encoding", losses=(0.1,) * 3, passed=3, control=True
    )
    near = Trial(change="near", code="too-few-steps", losses=(0.3,), passed=0)
    far = Trial(change="far", code="too-few-steps", losses=(0.9,), passed=0)
    found = Diagnosis(cause="label-encoding", message="", tried=(control, far, near))
    assert all_trials(found) == [near, far, control]
