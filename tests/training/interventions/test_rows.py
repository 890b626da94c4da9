"""Rows and columns that are left out."""

from __future__ import annotations

import numpy as np

from pytest_converge.training.interventions import (
    rows,
)
from tests.training.interventions.trainings import emptied, missing


def test_a_row_that_is_left_out_is_replaced_by_a_sound_one(parts_during):
    _, (during,), _ = parts_during(missing(), lambda _: rows.without_nonfinite(("x",)))
    x = np.array(during["x"][0][1])
    assert np.isfinite(x).all()
    assert len(x) == 20
    np.testing.assert_array_equal(x[2], x[3])


def test_a_column_of_nan_becomes_zero_and_other_rows_are_left_out(parts_during):
    def make(reruns):
        return rows.without_unusable_columns(("x",), rows.unusable_columns(reruns.rows))

    before, (during,), _ = parts_during(emptied(), make)
    values = np.array(during["x"][0][1])
    assert np.isfinite(values).all()
    assert (values[:, 3] == 0).all()
    kept = [n for n in range(20) if n != 2]
    assert (values[kept][:, :3] == np.array(before["x"][0][1])[kept][:, :3]).all()
