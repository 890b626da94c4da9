"""Targets in the shape of the predictions."""

from __future__ import annotations

import pytest

from pytest_converge.training.interventions import target_shape
from tests.training.interventions.trainings import regression
from tests.zoo.trainings import training_of


@pytest.mark.parametrize(
    ("column", "change", "fix"),
    [
        (True, "y of shape (n, 1)", "y = y[:, None]"),
        (False, "y of shape (n,)", "y = y[:, 0]"),
    ],
)
def test_an_array_gets_one_axis_more_or_less(column, change, fix):
    training = training_of(regression())
    rows = training.rows_in_memory
    x, y = rows.arrays
    flat = y.reshape(-1) if column else y.reshape(-1, 1)
    changed = target_shape.as_predicted(training, "y", column=column)
    other = changed.data(rows.with_arrays((x, flat))).arrays
    assert other[0] is x
    assert other[1].shape == ((len(x), 1) if column else (len(x),))
    assert (changed.change, changed.fix, changed.where) == (change, fix, ("y",))
