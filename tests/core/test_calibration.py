"""Proposals: what they hold, and that they survive JSON."""

from __future__ import annotations

import json

from pytest_converge.core.calibration import Calibration, Candidate, LossBound
from pytest_converge.core.expectation import Expectation

BOUND = LossBound(max_loss=0.1, basis="log", false_alarm=0.001, ceiling=1 / 21)


def candidate(steps, bound=BOUND):
    return Candidate(steps=steps, bound=bound, losses=(0.05, 0.06), power={"half": 0.9})


def test_the_choice_is_the_candidate_of_that_many_steps():
    study = Calibration(test="t", candidates=(candidate(50), candidate(100)), chosen=100)
    assert study.choice == candidate(100)
    assert Calibration(test="t", candidates=(candidate(50),)).choice is None


def test_a_proposal_survives_json():
    whole = Calibration(
        test="t.py::t",
        number=2,
        training=3,
        candidates=(candidate(50, None), candidate(100)),
        chosen=100,
        proposal=Expectation(steps=100, max_loss=0.1, metrics={"accuracy": (0.9, None)}),
        present=0.05,
        excluded=(("frozen", "no layers"),),
        left_out=("noise",),
        seconds=1.5,
        budget=60.0,
    )
    assert Calibration.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
    empty = Calibration(test="t", candidates=(candidate(50, None),))
    assert Calibration.from_dict(json.loads(json.dumps(empty.to_dict()))) == empty
    assert whole.passed
    assert whole.always_shown
    assert whole.kind == "calibration"


def test_its_scalars_are_the_proposal():
    proposal = Expectation(steps=100, max_loss=0.1)
    study = Calibration(test="t", candidates=(), proposal=proposal)
    assert study.scalars == {"steps": 100, "max_loss": 0.1, "training": 1, "seconds": 0.0}
    assert Calibration(test="t", candidates=()).scalars == {"training": 1, "seconds": 0.0}
