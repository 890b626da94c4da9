"""More steps."""

from __future__ import annotations

from pytest_converge.training.interventions import steps


def test_more_steps_are_counted_in_full_and_can_be_pasted():
    change = steps.more(200, 4)
    assert (change.change, change.fix) == ("800 steps", "steps=800")
    assert (change.code, change.steps_factor, change.rate_factor) == ("too-few-steps", 4, 1.0)
    assert (change.data, change.start, change.variant) == (None, None, None)
