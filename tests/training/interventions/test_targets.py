"""Other targets."""

from __future__ import annotations

from pytest_converge.training.interventions import (
    targets,
)
from tests.training.interventions.trainings import regression


def test_targets_keep_their_rows_apart_from_the_control(parts_during):
    before, (during,), _ = parts_during(regression(), lambda _: targets.permuted(0))
    assert sorted(during["y"][0][1]) == sorted(before["y"][0][1])
