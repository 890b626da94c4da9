"""Two changes made one."""

from __future__ import annotations

from pytest_converge.training.interventions import (
    learning_rate,
    steps,
    targets,
)
from pytest_converge.training.interventions.intervention import Intervention
from tests.training.interventions.trainings import STEPS, differing, regression


def test_a_pair_changes_both_and_keeps_the_cause_of_the_first(parts_during):
    def pair(reruns):
        first = targets.standardised(0.25, ("y",))
        second = learning_rate.scaled(reruns.training, 0.1, 10.0)
        both = first.combined(second).combined(steps.more(STEPS, 4))
        assert both.code == "unscaled-targets"
        assert both.change == "targets standardised and learning rate 1 and 20 steps"
        assert (both.rate_factor, both.steps_factor, both.loss_factor) == (10.0, 4, 0.25)
        assert both.fix.count("\n") == 2
        return both

    before, (during,), after = parts_during(regression(), pair)
    assert differing(before, during) == {"y", "rate", "steps", "order"}
    assert differing(before, after) == set()


def test_an_unknown_unit_stays_unknown_in_a_pair():
    known = Intervention(code="plateau", change="one", loss_factor=4.0)
    unknown = Intervention(code="plateau", change="other", loss_factor=None)
    assert known.combined(unknown).loss_factor is None
    assert unknown.combined(known).loss_factor is None
    assert known.combined(known).loss_factor == 16.0
