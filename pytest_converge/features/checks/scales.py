"""Checks of scale: of the columns that a layer takes together, and of images.

They judge what goes into a network, which is what a pipeline puts out: raw columns in dollars and
years are flagged, and shall be.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import ColumnProfile, DataFinding, GroupProfile
from pytest_converge.core.numbers import number
from pytest_converge.features.checks.columns import is_lost, listed

__all__ = ["features_are_scaled", "images_in_range"]

# The first three fired on none of 816 healthy trainings and on 30 of 30 faulty ones.
#: Root mean square of the features of an array.
LOWEST_RMS, HIGHEST_RMS = 0.05, 6.0
#: Standard deviation, or root mean square, of one feature.
HIGHEST_DEVIATION = 20.0
#: Median over the features of |mean| / standard deviation.
HIGHEST_OFFSET = 8.0
#: |mean| / standard deviation of one feature: 100 leaves room for one outlier scaled to 0 to 1.
HIGHEST_SINGLE_OFFSET = 100.0
#: From this share of zeros on, only the other values tell the scale (word counts, TF-IDF).
SPARSE_FROM = 0.8
#: Standardised pixels lie within; bytes do not.
HIGHEST_PIXEL = 20.0
#: A smaller range than this, and a network sees grey: bytes divided by 255 twice reach 0.004.
LOWEST_PIXEL_RANGE = 0.05
#: Pixels with a larger standard deviation are on the scale of bytes.
HIGHEST_PIXEL_DEVIATION = 6.0


def features_are_scaled(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """The columns are of a size for which layers are initialised, and of one order."""
    seen: dict[str, tuple[ColumnProfile, str, float]] = {}
    for group in groups:
        for column, why, value in _unscaled(group, limits):
            seen.setdefault(column.name, (column, why, value))
    if not seen:
        return None
    columns = [column for column, _, _ in seen.values()]
    _, why, value = next(iter(seen.values()))
    names = listed(columns)
    message = why if why.startswith(f"{names} ") else f"{names}: {why}"
    return DataFinding(
        code="unscaled-features",
        message=message,
        columns=tuple(seen),
        evidence={"value": value, "columns": len(columns)},
    )


def images_in_range(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """Pixels lie in the stated range, or in one that suits a network."""
    for group in groups:
        pixels = [column for column in group.columns if column.kind == "pixels"]
        if not pixels:
            continue
        low, high = min(c.low for c in pixels), max(c.high for c in pixels)
        why = _pixels_wrong(pixels, low, high, limits)
        if why:
            message = f"{group.name}: pixels from {number(low)} to {number(high)}, {why}"
            evidence = {"low": low, "high": high}
            return DataFinding(
                code="image-range", message=message, columns=(group.name,), evidence=evidence
            )
    return None


def _pixels_wrong(
    pixels: Sequence[ColumnProfile], low: float, high: float, limits: DataLimits
) -> str:
    if limits.image_range is not None:
        least, most = limits.image_range
        slack = 0.01 * (most - least)
        inside = least - slack <= low and high <= most + slack
        return "" if inside else f"outside {number(least)} to {number(most)}"
    if max(c.deviation for c in pixels) > HIGHEST_PIXEL_DEVIATION or high > HIGHEST_PIXEL:
        return "where 0 to 1 suits a network"
    if low < -HIGHEST_PIXEL:
        return "far below what standardised pixels reach"
    if high - low < LOWEST_PIXEL_RANGE:
        return "hardly any contrast: divided twice?"
    return ""


def _unscaled(
    group: GroupProfile, limits: DataLimits
) -> Iterator[tuple[ColumnProfile, str, float]]:
    """(column, reason, number), the worst first."""
    free = [
        c
        for c in group.columns
        if c.kind == "continuous" and not c.wrong and not c.overflow and not is_lost(c)
    ]
    if not free:
        return
    yield from _too_large(free)
    if not group.normed:
        yield from _too_small(free)
    yield from _far_from_zero(free)
    yield from _apart(free, limits.max_ratio)


def _too_large(free: Sequence[ColumnProfile]) -> Iterator[tuple[ColumnProfile, str, float]]:
    rms = _pooled_rms(free)
    limit = HIGHEST_RMS if rms > HIGHEST_RMS else HIGHEST_DEVIATION
    large = [c for c in free if _size(c) > limit or c.deviation > HIGHEST_DEVIATION]
    for c in sorted(large, key=lambda c: -_size(c)):
        size = _size(c)
        why = f"{c.name} has mean {number(c.mean)}, standard deviation {number(c.deviation)}"
        yield c, why, size


def _too_small(free: Sequence[ColumnProfile]) -> Iterator[tuple[ColumnProfile, str, float]]:
    rms = _pooled_rms(free)
    if rms < LOWEST_RMS:
        for c in sorted((c for c in free if _size(c) < LOWEST_RMS), key=_size):
            yield c, f"root mean square {number(rms)} over the columns, below {LOWEST_RMS}", rms


def _far_from_zero(free: Sequence[ColumnProfile]) -> Iterator[tuple[ColumnProfile, str, float]]:
    offsets = [(abs(c.mean) / c.deviation, c) for c in free if c.deviation > 0.0]
    if not offsets:
        return
    median = statistics.median(offset for offset, _ in offsets)
    limit = HIGHEST_OFFSET if median > HIGHEST_OFFSET else HIGHEST_SINGLE_OFFSET
    for offset, c in sorted(offsets, key=lambda pair: -pair[0]):
        if offset > limit:
            why = f"mean of {c.name} {number(offset)} standard deviations from 0"
            yield c, why, offset


def _apart(
    free: Sequence[ColumnProfile], ratio: float
) -> Iterator[tuple[ColumnProfile, str, float]]:
    """Columns whose spread is on another order than that of most."""
    spreads = [(c.deviation, c) for c in free if c.deviation > 0.0 and c.zeros < SPARSE_FROM]
    if len(spreads) < 2:
        return
    # Of an even number the larger of the middle two: of two columns one is the measure.
    middle = statistics.median_high(spread for spread, _ in spreads)
    for spread, c in sorted(spreads, key=lambda pair: -abs(math.log(pair[0] / middle))):
        times = max(spread / middle, middle / spread)
        if times > ratio:
            side = "larger" if spread > middle else "smaller"
            yield c, f"spread of {c.name} {number(times)} times {side} than most", times


def _size(c: ColumnProfile) -> float:
    """Root mean square; of a sparse column that of the values other than zero."""
    if c.zeros < SPARSE_FROM or c.zeros >= 1.0:
        return c.rms
    return c.rms / math.sqrt(1.0 - c.zeros)


def _pooled_rms(columns: Sequence[ColumnProfile]) -> float:
    """Root mean square over all columns; of sparse ones the values other than zero count."""
    weights = [1.0 if c.zeros < SPARSE_FROM else max(1.0 - c.zeros, 1e-9) for c in columns]
    squares = sum(w * _size(c) ** 2 for w, c in zip(weights, columns, strict=True))
    return math.sqrt(squares / sum(weights))
