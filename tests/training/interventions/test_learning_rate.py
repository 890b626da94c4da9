"""Other learning rates."""

from __future__ import annotations

from pytest_converge.training.interventions import (
    learning_rate,
)
from tests.training.interventions.trainings import regression


def test_each_start_of_a_change_has_batches_of_its_own(parts_during):
    make = lambda reruns: learning_rate.scaled(reruns.training, 0.1, 10.0)  # noqa: E731
    _, during, _ = parts_during(regression(), make, seeds=3)
    assert len({tuple(parts["order"]) for parts in during}) == 3
    assert {parts["rate"] for parts in during} == {1.0}
