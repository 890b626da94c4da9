"""The scale of the columns that the first trained layers are fed with."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.serialisation import Serialisable

__all__ = ["HIGHEST_RMS", "LOWEST_RMS", "ColumnScale", "InputScales"]

#: Root mean squares of features between which they suit a network: smaller and larger ones starve
#: or flood its first layer. None of 816 healthy trainings lay outside, and 30 of 30 faulty ones.
LOWEST_RMS, HIGHEST_RMS = 0.05, 6.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ColumnScale(Serialisable):
    """One column.

    Attributes:
        name: as a user would write it: `x[:, 3]`, or the column's own name.
        mean, deviation: of the finite values, in the data's unit.
        low, high: the smallest and the largest of them.
        unsuitable: the scale rule fires on it.
    """

    name: str
    mean: float
    deviation: float
    low: float
    high: float
    unsuitable: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InputScales(Serialisable):
    """The columns with the most extreme scales.

    Attributes:
        columns: those on which the scale rule fires first, then by how far they are from 1.
        width: how many columns with a scale there are.
    """

    columns: tuple[ColumnScale, ...]
    width: int
