"""Other targets."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.training.interventions import (
    targets,
)
from tests.training.interventions.trainings import regression


def test_targets_keep_their_rows_apart_from_the_control(parts_during):
    before, (during,), _ = parts_during(regression(), lambda _: targets.permuted(0))
    assert sorted(during["y"][0][1]) == sorted(before["y"][0][1])


def test_divided_targets_keep_their_sign(parts_during):
    before, (during,), _ = parts_during(regression(), lambda _: targets.divided(("y",), ("y",)))
    own, scaled = (np.asarray(parts["y"][0][1]) for parts in (before, during))
    np.testing.assert_array_equal(np.sign(scaled), np.sign(own))
    assert scaled.std() == pytest.approx(1.0, rel=1e-4)
