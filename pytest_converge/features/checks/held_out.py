"""Checks of rows that are held out."""

from __future__ import annotations

from pytest_converge.core.data_report import DataFinding
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.features.checks.columns import finding

__all__ = ["rows_are_apart"]


def rows_are_apart(overlap: RowOverlap) -> DataFinding | None:
    """Held-out rows are not among those of the data, beyond what repeats anyway."""
    if not overlap.is_no_chance:
        return None
    return finding("validation-overlap", overlap.in_words("held_out"), (), **overlap.evidence)
