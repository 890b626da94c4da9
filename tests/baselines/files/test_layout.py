"""What a reviewer of a baseline's file reads, and in which order."""

from __future__ import annotations

import json
import math

from pytest_converge.baselines.files.document import dumps
from pytest_converge.baselines.files.layout import document_of, lines_of
from tests.recorded import STEPS, TEST, recorded, stored_run


def test_no_line_is_wider_than_a_review_shows():
    longest = -1.23456789e-308
    steps = range(2**31 - 64, 2**31)
    runs = [
        stored_run(2**32 - 1 - i, steps=steps, losses=[longest] * 64, scores=(longest,) * 2)
        for i in range(20)
    ]
    lines = dumps([recorded(runs=tuple(runs))]).splitlines()
    assert max(map(len, lines)) <= 100


def test_what_an_update_changes_comes_first():
    """A reviewer of the plain text sees reason and numbers before any loss."""
    before = dumps([recorded()]).splitlines()
    after = dumps([recorded(level=0.2, reason="half the rate")]).splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split(":")[0].strip() for line in changed[1:4]] == [
        '"reason"',
        '"whole curve"',
        '"last half"',
    ]
    assert after.index('  "curves": [') > after.index(changed[3])


def test_the_losses_of_several_trainings_come_after_all_summaries():
    text = dumps([recorded(), recorded(number=2)])
    assert text.rindex('"summary"') < text.index('"curves"') < text.index('"losses"')


def test_the_summary_says_median_lowest_and_highest():
    runs = tuple(
        stored_run(i, scores=(math.log(i + 1), 0.0), losses=[3.0, *[2.0] * 27, 1.23456])
        for i in range(20)
    )
    (training,) = document_of(TEST, [recorded(runs=runs)], 3)["trainings"]
    assert training["summary"] == {
        "whole curve": {"median": 10.0, "lowest": 1.0, "highest": 20.0},
        "last half": {"median": 1.0, "lowest": 1.0, "highest": 1.0},
        "first loss": {"median": 3.0, "lowest": 3.0, "highest": 3.0},
        "last loss": {"median": 1.235, "lowest": 1.235, "highest": 1.235},
    }


def test_runs_that_ended_at_another_step_have_curves_of_their_own():
    short = stored_run(7, steps=(1, 2), losses=(2.0, math.nan))
    document = document_of(TEST, [recorded(runs=(short, *recorded().runs[1:]))], 3)
    assert [(curve["steps"], len(curve["losses"])) for curve in document["curves"]] == [
        ([1, 2], 1),
        (list(STEPS), 19),
    ]


def test_the_lines_are_json():
    value = {"a": [], "b": {}, "c": [[1], {"d": [*range(12)]}], "e": None}
    assert json.loads("\n".join(lines_of(value))) == value
