"""Columns that hold the same values as an earlier one, exactly or up to scale."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part
from pytest_converge.columns.moments import BLOCK_VALUES
from pytest_converge.columns.sample import ColumnSample
from pytest_converge.core.data_report import ColumnProfile

__all__ = ["mark"]

Array = np.ndarray[Any, Any]

#: Columns with more zeros than this, or with one value in more rows, may be alike by chance: two
#: words that occur in the same few texts.
RARE = 0.95
#: Kinds that may be alike by right.
ALIKE = frozenset({"constant", "empty", "tokens", "pixels", "text", "dates"})
#: Kinds of which only exact copies count: two flags are always alike up to scale.
EXACT_ONLY = frozenset({"binary", "one-hot", "categorical", "cyclic"})
#: Equal up to scale: relative to the standard deviation, in units of the type's rounding.
ROUNDINGS = 64.0
#: Rows of the sample that are compared before all rows are; of fewer, equality is no surprise.
FEW_ROWS, FEWEST_ROWS = 1024, 10


def mark(
    profiles: list[ColumnProfile], samples: Sequence[ColumnSample], parts: Sequence[Part]
) -> None:
    """Names the twin of every column that has one; candidates come from the sample."""
    places = [(part, index) for part in parts for index in range(part.width)]
    for a, b in _candidates(profiles, samples):
        if profiles[a].twin:  # three alike: all are named after the first
            continue
        same = _equal(places[a], places[b])
        scaled = not same and _may_scale(profiles[a], profiles[b])
        if same or (scaled and _equal_up_to_scale(profiles[a], profiles[b], places[a], places[b])):
            profiles[b] = dataclasses.replace(
                profiles[b], twin=profiles[a].name, twin_scaled=not same
            )


def _candidates(
    profiles: Sequence[ColumnProfile], samples: Sequence[ColumnSample]
) -> Iterator[tuple[int, int]]:
    """Pairs of columns whose standardised samples agree, the earlier one first."""
    rng = np.random.default_rng(0)
    keyed: list[tuple[float, int]] = []
    standard: dict[int, Array] = {}
    weights: Array | None = None
    for index, (profile, seen) in enumerate(zip(profiles, samples, strict=True)):
        if profile.kind in ALIKE or profile.zeros > RARE or profile.common_share > RARE:
            continue
        values = _standardised(seen.values[:FEW_ROWS])
        if values is None:
            continue
        if weights is None or len(weights) != len(values):
            weights = rng.standard_normal(len(values)) / len(values) ** 0.5
        standard[index] = values
        keyed.append((abs(float(values @ weights)), index))
    keyed.sort()
    found = []
    for place, (key, index) in enumerate(keyed):
        for other_key, other in itertools.islice(keyed, place + 1, None):
            if other_key - key > 1e-3:
                break
            a, b = min(index, other), max(index, other)
            if len(standard[a]) == len(standard[b]) and _agree(standard[a], standard[b]):
                found.append((a, b))
    yield from sorted(found)


def _standardised(values: Array) -> Array | None:
    held = values[np.isfinite(values)]
    if len(held) < FEWEST_ROWS or held.min() == held.max():
        return None
    with np.errstate(all="ignore"):
        standard = (values - held.mean()) / held.std()
    return np.where(np.isfinite(standard), standard, 0.0)


def _agree(a: Array, b: Array) -> bool:
    return bool(min(np.abs(a - b).max(), np.abs(a + b).max()) < 0.01)


def _may_scale(a: ColumnProfile, b: ColumnProfile) -> bool:
    return a.kind not in EXACT_ONLY and b.kind not in EXACT_ONLY and not a.missing + b.missing


def _equal(a: tuple[Part, int], b: tuple[Part, int]) -> bool:
    """True where all rows are the same; NaN is the same as NaN."""
    return all(
        bool(((x == y) | ((x != x) & (y != y))).all())  # noqa: PLR0124 - NaN is not
        for x, y in _pairs(a, b)
    )


def _equal_up_to_scale(
    one: ColumnProfile, two: ColumnProfile, a: tuple[Part, int], b: tuple[Part, int]
) -> bool:
    """True where the standardised columns differ by rounding only, in all rows."""
    allowed = ROUNDINGS * max(_rounding(one, a[0]), _rounding(two, b[0]))
    sign = 0.0
    for x, y in _pairs(a, b):
        u, v = (x - one.mean) / one.deviation, (y - two.mean) / two.deviation
        sign = sign or (1.0 if u @ v >= 0.0 else -1.0)
        if not float(np.abs(u - sign * v).max()) <= allowed:
            return False
    return True


def _rounding(profile: ColumnProfile, part: Part) -> float:
    kind = part.array.dtype
    unit = float(np.finfo(kind).eps) if kind.kind == "f" else 2.0**-52
    # Far from zero the digits that are left are those of the offset.
    return unit * max(1.0, max(-profile.low, profile.high) / profile.deviation)


def _pairs(a: tuple[Part, int], b: tuple[Part, int]) -> Iterator[tuple[Array, Array]]:
    for start in range(0, len(a[0]), BLOCK_VALUES):
        chosen = slice(start, start + BLOCK_VALUES)
        x, y = (part.column(index, chosen).astype(np.float64) for part, index in (a, b))
        yield x, y
