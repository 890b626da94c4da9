"""A training over several reports."""

from __future__ import annotations

from pytest_converge.core.trend import ReportedTraining, ReportedTrend

PASSED = ReportedTraining(final_loss=0.1, passed=True, outcome="passed")
FAILED = ReportedTraining(final_loss=0.9, passed=False, outcome="plateau")


def trend(*trainings):
    return ReportedTrend(test="t", number=1, trainings=trainings)


def test_it_is_failing_where_the_last_report_that_has_it_says_so():
    assert trend(PASSED, FAILED, None).failing
    assert not trend(FAILED, PASSED).failing
    assert trend(None, FAILED, None).known == (FAILED,)
