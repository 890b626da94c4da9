"""The scale of the inputs of a training, as its record keeps it."""

from __future__ import annotations

import math

from pytest_converge.core.data_report import ColumnProfile
from pytest_converge.core.input_scales import ColumnScale, InputScales
from pytest_converge.training.measures.layer_inputs import training_scales
from pytest_converge.training.training import Training

__all__ = ["input_scales"]

#: Columns that a record keeps: as many rows as a chart shows on a screen.
MOST_COLUMNS = 30
#: Rows that are looked at, as many as what layers made of the inputs is seen on.
MOST_ROWS = 256
#: Kinds of columns that have no scale.
WITHOUT = frozenset({"tokens", "text", "dates", "empty"})


def input_scales(training: Training) -> InputScales | None:
    """What the first trained layers are fed with, the most extreme columns first.

    Args:
        training: at any weights, which stay as they are.

    Returns:
        None for a training without data or without such columns.
    """
    found = training_scales(training, most_rows=MOST_ROWS)
    if found is None:
        return None
    flagged = {name for flag in found.evidence.features for name in flag.columns}
    columns = [
        column
        for group in found.scales
        if not group.target
        for column in group.columns
        if column.kind not in WITHOUT
    ]
    if not columns:
        return None

    def rank(column: ColumnProfile) -> tuple[bool, float]:
        return column.name not in flagged, -_distance(column.rms)

    kept = tuple(
        ColumnScale(
            name=column.name,
            mean=column.mean,
            deviation=column.deviation,
            low=column.low,
            high=column.high,
            unsuitable=column.name in flagged,
        )
        for column in sorted(columns, key=rank)[:MOST_COLUMNS]
    )
    return InputScales(columns=kept, width=len(columns))


def _distance(size: float) -> float:
    """How many times larger or smaller than 1, as a logarithm; 0 where there is no size."""
    return abs(math.log(size)) if 0 < size < math.inf else 0.0
