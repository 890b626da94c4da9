"""The order in which every report gives what was tried."""

from __future__ import annotations

import math

from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.report.diagnosis import all_trials, outcome, proof, told


def test_controls_come_last_however_well_they_did():
    control = Trial(
        change="half of the rows", code="label-encoding", losses=(0.1,) * 3, passed=3, control=True
    )
    near = Trial(change="near", code="too-few-steps", losses=(0.3,), passed=0)
    far = Trial(change="far", code="too-few-steps", losses=(0.9,), passed=0)
    found = Diagnosis(cause="label-encoding", message="", tried=(control, far, near))
    assert all_trials(found) == [near, far, control]


def trial(change, *losses, code="saddle-point", passed=0, **fields):
    return Trial(change=change, code=code, losses=losses, passed=passed, **fields)


def test_trials_are_ordered_by_what_they_say():
    other = trial("first verified", 0.01, 0.02, 0.03, code="plateau", passed=3)
    own = trial("the cause", 0.01, 0.02, 0.03, passed=3)
    tried = (
        trial("lost", math.nan),
        trial("other unit", 1e-9, comparable=False),
        trial("far", 9.0),
        trial("near", 0.2),
        trial("half", 5.0, 0.1, passed=1),
        trial("first verified", 0.5, code="plateau", passed=1),
    )
    found = Diagnosis(cause="saddle-point", message="", verified=(other, own), tried=tried)
    changes = [each.change for each in all_trials(found)]
    assert changes == ["the cause", "first verified", "half", "near", "far", "lost", "other unit"]
    assert all_trials(found)[1] == other


def test_a_change_that_was_run_twice_is_shown_with_the_most_seeds():
    tried = (trial("a", 0.5), trial("a", 0.4, 0.3), trial("b", 0.2, 0.1), trial("b", 0.6))
    found = all_trials(Diagnosis(cause="unknown", message="", tried=tried))
    assert [each.losses for each in found] == [(0.2, 0.1), (0.4, 0.3)]


def test_the_proof_is_the_trial_of_the_proposed_repair():
    own = trial("wider", 0.1, fix="Dense(8)", passed=1)
    other = trial("narrower", 0.2, fix="Dense(2)", passed=1)
    diagnosis = Diagnosis(cause="saddle-point", message="", fix="Dense(8)", tried=(other, own))
    assert proof(diagnosis) == own
    assert outcome(own) == "loss 0.1000, 1 of 1 seed passes"
    assert proof(Diagnosis(cause="saddle-point", message="")) is None


def test_a_loss_in_another_unit_says_so():
    other = trial("targets standardised", 0.1, 0.2, 0.3, passed=2, comparable=False)
    assert outcome(other) == "loss 0.1000 in another unit, 2 of 3 seeds pass"


def test_nothing_is_told_by_an_empty_message():
    assert not told("anything", "")
    assert told("two words", "broken: two\n  words")
