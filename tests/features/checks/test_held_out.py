"""The check of rows that are held out."""

from __future__ import annotations

from pytest_converge.core.overlap import RowOverlap
from pytest_converge.features.checks.held_out import rows_are_apart


def test_rows_in_both_sets_are_found():
    overlap = RowOverlap(shared=40, rows=40, expected=0.0, p_value=1e-30)
    found = rows_are_apart(overlap)
    assert found.code == "validation-overlap"
    assert found.message == "40 of 40 rows of held_out are trained on, none by chance"
    assert found.columns == ()


def test_rows_that_chance_shares_are_not():
    assert rows_are_apart(RowOverlap(shared=4, rows=40, expected=3.0, p_value=0.4)) is None
