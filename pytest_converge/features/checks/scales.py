"""Checks of scale: of the columns that a layer takes together, of images, and of targets.

They judge what goes into a network, which is what a pipeline puts out: raw columns in dollars and
years are flagged, and shall be. The rule is that of `columns.scale`, which the diagnosis asks too.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from pytest_converge.columns.scale import SPARSE_FROM, ScaleFlag, scale_evidence
from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import (
    ColumnProfile,
    DataFinding,
    GroupProfile,
    TargetProfile,
)
from pytest_converge.core.numbers import listed, number
from pytest_converge.features.checks.columns import finding, is_lost

__all__ = ["features_are_scaled", "images_in_range", "targets_are_scaled"]


def features_are_scaled(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """The columns are of a size for which layers are initialised, and of one order."""
    seen: dict[str, tuple[str, float]] = {}
    for group in groups:
        if group.shape != "image":
            for column, why, value in _unscaled(group, limits):
                seen.setdefault(column.name, (why, value))
    if not seen:
        return None
    (why, value), names = next(iter(seen.values())), listed(list(seen))
    return DataFinding(
        code="unscaled-features",
        message=why if why.startswith(f"{names} ") else f"{names}: {why}",
        columns=tuple(seen),
        evidence={"value": value, "columns": len(seen)},
    )


def images_in_range(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """Pixels lie in the stated range, or in one that suits a network."""
    for group in groups:
        if group.shape != "image":
            continue
        why = _pixels_wrong(group, limits)
        if why:
            message = (
                f"{group.name}: pixels from {number(group.low)} to {number(group.high)}, {why}"
            )
            evidence = {"low": group.low, "high": group.high}
            return DataFinding(
                code="image-range", message=message, columns=(group.name,), evidence=evidence
            )
    return None


def targets_are_scaled(target: TargetProfile, limits: DataLimits) -> DataFinding | None:
    """Values to be predicted are of a size that weights start with."""
    if target.task != "values":
        return None
    group = GroupProfile(name="y", shape="table", normed=False, columns=target.columns, target=True)
    flagged = scale_evidence([group]).columns
    c = next((column for column in target.columns if column.name in flagged), None)
    if c is None:
        return None
    evidence = {"mean": c.mean, "deviation": c.deviation}
    return finding("unscaled-targets", f"{c.name} has {_sizes(c)}", target.columns[:1], **evidence)


def _pixels_wrong(group: GroupProfile, limits: DataLimits) -> str:
    if limits.image_range is not None:
        least, most = limits.image_range
        slack = 0.01 * (most - least)
        inside = least - slack <= group.low and group.high <= most + slack
        return "" if inside else f"outside {number(least)} to {number(most)}"
    for flag in scale_evidence([group]).features:
        if flag.part == "contrast":
            return "hardly any contrast: divided twice?"
        if flag.part == "range" and -group.low > group.high:
            return "far below what standardised pixels reach"
        return "where 0 to 1 suits a network"
    return ""


def _unscaled(
    group: GroupProfile, limits: DataLimits
) -> Iterator[tuple[ColumnProfile, str, float]]:
    """(column, reason, number), the worst first; without columns that have another finding."""
    free = {c.name: c for c in group.columns if not _has_other_finding(c)}
    flagged = set()
    for flag in scale_evidence([group]).features:
        flagged |= set(flag.columns)
        for name in flag.columns:
            if name in free:
                yield free[name], *_reason(flag, free[name])
    rest = [c for name, c in free.items() if name not in flagged]
    yield from _apart(rest, limits.max_ratio)


def _has_other_finding(c: ColumnProfile) -> bool:
    return bool(c.kind == "constant" or c.wrong or c.overflow or is_lost(c))


def _reason(flag: ScaleFlag, c: ColumnProfile) -> tuple[str, float]:
    if flag.part == "small-rms":
        size = number(flag.value)
        return f"root mean square {size} over the columns, below {flag.limit}", flag.value
    if flag.part == "offset":
        offset = abs(c.mean) / c.deviation
        return f"mean of {c.name} {number(offset)} standard deviations from 0", offset
    return f"{c.name} has {_sizes(c)}", c.rms


def _sizes(c: ColumnProfile) -> str:
    return f"mean {number(c.mean)}, standard deviation {number(c.deviation)}"


def _apart(
    columns: Sequence[ColumnProfile], ratio: float
) -> Iterator[tuple[ColumnProfile, str, float]]:
    """Columns that pass by themselves, but whose spread is on another order than that of most."""
    spreads = [
        (c.deviation, c)
        for c in columns
        if c.kind == "continuous" and c.deviation > 0.0 and c.zeros < SPARSE_FROM
    ]
    if len(spreads) < 2:
        return
    # Of an even number the larger of the middle two: of two columns one is the measure.
    middle = statistics.median_high(spread for spread, _ in spreads)
    for spread, c in sorted(spreads, key=lambda pair: -abs(math.log(pair[0] / middle))):
        times = max(spread / middle, middle / spread)
        if times > ratio:
            side = "larger" if spread > middle else "smaller"
            yield c, f"spread of {c.name} {number(times)} times {side} than most", times
