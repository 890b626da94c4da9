"""What `preprocessing.check` holds data to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest, shown
from pytest_converge.core.finding import check_codes

__all__ = ["DATA_CODES", "DataLimits"]

#: Codes of what `preprocessing.check` finds, in the order in which they are reported.
DATA_CODES = (
    "nonfinite-data",
    "wrong-dtype",
    "constant-feature",
    "near-constant-feature",
    "duplicate-feature",
    "image-range",
    "unscaled-features",
    "outliers",
    "label-encoding",
    "constant-target",
    "class-imbalance",
    "unscaled-targets",
    "contradictory-labels",
    "unshuffled-data",
    "validation-overlap",
)
#: Kinds that a user can state for a column.
KINDS = ("continuous", "binary", "one-hot", "categorical", "ordinal", "cyclic", "tokens", "text")
#: What targets can be stated to be.
TASKS = ("classes", "values")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataLimits:
    """The limits, each of which a keyword argument of `preprocessing.check` sets.

    Attributes:
        max_ratio: how many times the spread of a column may be above or below the median of those
            that pass by themselves.
        image_range: the smallest and largest value of a pixel; None for what suits a network: 0
            to 1, -1 to 1, or standardised.
        min_balance: the rows of the rarest class, relative to those it would have if all classes
            were equally frequent.
        max_conflicts: share of rows that may have the features of another row and another label.
        task: "classes" or "values": what the targets are; None to tell it from the numbers.
        kinds: kinds of columns, by name, where they cannot be told from the numbers.
        ignore: codes not to report.

    Raises:
        InvalidTrainingError: a value of a wrong type or out of range.
    """

    max_ratio: float = 1000.0
    image_range: tuple[float, float] | None = None
    min_balance: float = 0.05
    max_conflicts: float = 0.01
    task: str | None = None
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ignore: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_number("max_ratio", self.max_ratio, 1.0, math.inf)
        _check_number("min_balance", self.min_balance, 0.0, 1.0)
        _check_number("max_conflicts", self.max_conflicts, 0.0, 1.0)
        _check_range(self.image_range)
        if self.task is not None and not _is_one_of(self.task, TASKS):
            remedy = "Write task='classes' or task='values', or leave it out."
            raise InvalidTrainingError(complaint(f"task={shown(self.task)}", str(TASKS), remedy))
        _check_kinds(self.kinds)
        object.__setattr__(self, "ignore", check_codes(self.ignore, DATA_CODES))


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        expected = f"a number from {low:g} to {high:g}"
        remedy = f"The default is {DataLimits.__dataclass_fields__[name].default}."
        raise InvalidTrainingError(complaint(f"{name}={shown(value)}", expected, remedy))


def _check_kinds(kinds: Any) -> None:
    if not isinstance(kinds, Mapping):
        remedy = 'Write, for example, kinds={"postcode": "categorical"}.'
        given = f"kinds={shown(kinds)}"
        raise InvalidTrainingError(complaint(given, "a dict of kinds by column", remedy))
    for name, kind in kinds.items():
        if not _is_one_of(kind, KINDS):
            given = f"kinds={{{name!r}: {shown(kind)}}}"
            remedy = nearest(str(kind), KINDS)
            raise InvalidTrainingError(complaint(given, "a kind of column", remedy))


def _is_one_of(value: Any, known: Sequence[str]) -> bool:
    """Whether it is one of the texts; to an array, say, nothing is equal as a whole."""
    return isinstance(value, str) and value in known


def _check_range(value: Any) -> None:
    if value is None:
        return
    try:
        low, high = value
        right = float(low) < float(high)
    except (OverflowError, TypeError, ValueError):
        right = False
    if not right:
        remedy = "Write, for example, image_range=(0, 255)."
        given = f"image_range={shown(value)}"
        raise InvalidTrainingError(complaint(given, "a smallest and a largest value", remedy))
