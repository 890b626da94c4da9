"""From trials of a pipeline to findings."""

from __future__ import annotations

import math

import pytest

from pytest_converge.core.pipeline_report import Difference, PipelineTrial
from pytest_converge.features.checks.pipelines import MEANS, PIPELINE_CODES, judge_trials

DIFFERS = Difference(columns=("x0", "x1"), largest=0.5, rows=3, compared=10)


def trial(code="batch-statistics", difference=DIFFERS, **values):
    return PipelineTrial(code=code, what="...", difference=difference, **values)


def test_every_code_has_its_words():
    assert set(MEANS) == set(PIPELINE_CODES)


def test_what_passed_or_was_not_tried_is_no_finding():
    passed = trial(difference=Difference(compared=10))
    assert (
        judge_trials([passed, PipelineTrial(code="target-leak", what="...", why_not="...")]) == ()
    )


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        (
            DIFFERS,
            "the features depend on the rows beside them in x0, x1: by up to 0.5 in 3 of 10 rows",
        ),
        (
            Difference(columns=("x0",), largest=math.nan, rows=1, compared=10),
            "the features depend on the rows beside them in x0: no number in 1 of 10 rows",
        ),
        (
            Difference(problem="ValueError: one row"),
            "the features depend on the rows beside them: ValueError: one row",
        ),
    ],
)
def test_a_finding_says_what_differs_and_by_how_much(difference, message):
    (found,) = judge_trials([trial(difference=difference)])
    assert found.message == message


def test_columns_that_were_changed_are_named_before_features():
    (found,) = judge_trials(
        [
            trial("unseen-values", columns=("city",)),
            trial("unseen-values", columns=("area",)),
        ]
    )
    assert found.columns == ("city", "area")


def test_findings_come_in_order_and_but_for_what_is_ignored():
    trials = [trial("reload-differs"), trial("second-fit"), trial("order-dependent")]
    found = judge_trials(trials, ignore=("order-dependent",))
    assert [finding.code for finding in found] == ["second-fit", "reload-differs"]
