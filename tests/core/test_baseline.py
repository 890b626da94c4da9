"""Baselines and the verdicts on them: they survive JSON, every field of them."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.baseline import (
    Baseline,
    BaselineReport,
    BaselineVerdict,
    EnvironmentChange,
    StoredRun,
)

RUN = StoredRun(seed=3, scores=(-1.5, -2.25), steps=(1, 2, 9), losses=(2.5, 1.0, 0.125))
BASELINE = Baseline(
    test="tests/test_models.py::test_wine[a/b]",
    number=2,
    settings={"steps": 200, "verb": "fit", "metric": None, "shuffle": True, "rate": 0.1},
    environment={"tensorflow": "2.21.0", "threads": 2},
    commit="0123abc",
    reason="the old rate was unstable",
    runs=(RUN, dataclasses.replace(RUN, seed=4)),
    data={"rows": 3, "digest": "0123456789abcdef", "x_mean": 0.5},
)
VERDICT = BaselineVerdict(
    outcome="continue",
    look="four runs",
    runs=4,
    needed=11,
    ranks=((20, 19, 3, 0), (1, 2, 3, 4)),
    p_values=(0.01, 0.5),
    p_pairs=0.25,
    effect=(0.12, -0.03),
    detectable=0.08,
    false_alarm=8.8e-4,
    faster=True,
    perhaps_worse=True,
    reason="12 % worse",
)
REPORT = BaselineReport(
    action="updated",
    path="__converge__/test_a/test_b--00000000.json",
    revision="main",
    commit="abc",
    verdict=VERDICT,
    metric="val_loss",
    environment=(EnvironmentChange(name="threads", recorded=2, present=None),),
    before=(0.5, 0.4),
    after=(0.6, 0.5),
    runs=20,
    seconds=1.5,
    data=(EnvironmentChange(name="rows", recorded=3, present=4),),
    unknown=("loss",),
    unjudged="it is another task",
    obtained=BASELINE,
    kept="out.obtained/test_a/test_b--00000000.obtained",
    band=((1, 0.5, 0.6, math.inf),),
)
VALUES = [RUN, BASELINE, VERDICT, REPORT]


def again(value):
    """What arrives after a way through JSON text."""
    return type(value).from_dict(json.loads(json.dumps(value.to_dict())))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_field_survives_json(value):
    for field in dataclasses.fields(value):  # a field that is added is tested here too
        assert getattr(value, field.name) not in (field.default, {}, ())
    assert again(value) == value


def test_what_arrives_has_the_types_that_were_sent():
    assert all(isinstance(run, StoredRun) for run in again(BASELINE).runs)
    for value in VALUES:
        for field in dataclasses.fields(value):
            kind = type(getattr(value, field.name))
            assert type(getattr(again(value), field.name)) is kind, field.name
    assert all(isinstance(ranks, tuple) for ranks in again(VERDICT).ranks)


def test_numbers_that_are_not_finite_survive_too():
    lost = dataclasses.replace(RUN, scores=(math.inf, math.inf), losses=(2.0, math.inf, math.nan))
    assert repr(again(lost)) == repr(lost)
    verdict = dataclasses.replace(VERDICT, effect=(math.inf, 0.0), detectable=None)
    assert again(verdict) == verdict


def test_to_dict_hands_out_copies():
    BASELINE.to_dict()["settings"]["steps"] = 0
    BASELINE.to_dict()["runs"][0]["losses"].clear()
    VERDICT.to_dict()["ranks"][0].clear()
    assert BASELINE.settings["steps"] == 200
    assert BASELINE.runs[0].losses == (2.5, 1.0, 0.125)
    assert VERDICT.ranks[0] == (20, 19, 3, 0)


@pytest.mark.parametrize(
    ("outcome", "passed", "decided"),
    [("pass", True, True), ("fail", False, True), ("continue", False, False)],
)
def test_a_verdict_says_whether_it_passed_and_whether_it_is_one(outcome, passed, decided):
    verdict = dataclasses.replace(VERDICT, outcome=outcome)
    assert (verdict.passed, verdict.decided) == (passed, decided)


@pytest.mark.parametrize("action", ["checked", "recorded", "updated", "unchanged", "absent"])
def test_what_wrote_the_file(action):
    assert BaselineReport(action=action).written == (action in {"recorded", "updated"})
