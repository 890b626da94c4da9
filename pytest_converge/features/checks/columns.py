"""Checks of single columns: finite, of a fitting type, varied, of their own, without outliers."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import ColumnProfile, DataFinding, GroupProfile
from pytest_converge.core.numbers import listed, number, share

__all__ = [
    "columns_are_finite",
    "columns_differ",
    "columns_vary",
    "columns_vary_enough",
    "finding",
    "is_lost",
    "no_outliers",
    "types_fit",
]

#: A spread below this part of the mean is lost in float32, which holds seven digits.
LOST_SPREAD = 1e-6
#: One value in so many rows leaves nothing to learn from the others, of which there are few.
NEARLY_ALL, FEWEST_ROWS = 0.995, 200
#: A standard deviation so many times the spread of the bulk squeezes the bulk into a point: 10
#: times; lognormal amounts reach 5 with sigma 1.5, Student's t with 3 degrees of freedom 1.5.
SQUEEZED = 10.0
#: One value this many spreads from the median: Student's t reaches 120 in a million rows.
FARTHEST = 300.0
#: Outliers are fewer than the outer quarter of the rows, and far in standard deviations as well.
MOST_FAR, FEWEST_DEVIATIONS = 0.25, 10.0
#: Where one value has more than half of the rows, the others are events, not outliers.
MOST_COMMON = 0.5
#: Kinds that have a spread to judge.
AMOUNTS = frozenset({"continuous", "cyclic"})


def columns_are_finite(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """No value is missing or infinite, nor becomes infinite in float32."""
    bad = [c for c in _all(groups) if c.missing or c.infinite or c.overflow]
    if not bad:
        return None
    bad.sort(key=lambda c: -(c.missing + c.infinite))
    missing, infinite = sum(c.missing for c in bad), sum(c.infinite for c in bad)
    worst = bad[0]
    counts = ((missing, "missing"), (infinite, "infinite"))
    parts = [f"{count} {what}" for count, what in counts if count] or [
        f"up to {number(max(worst.high, -worst.low))}, infinite in float32"
    ]
    gone = (worst.missing + worst.infinite) / max(worst.values, 1)
    message = f"{' and '.join(parts)} in {listed(_names(bad))}; {share(gone)} of {worst.name}"
    return finding("nonfinite-data", message, bad, missing=missing, infinite=infinite)


def types_fit(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """The type of a column is one that its values need."""
    bad = [c for c in _all(groups) if c.wrong]
    if not bad:
        return None
    message = "; ".join(f"{c.name} holds {c.wrong}" for c in bad[:2])
    if len(bad) > 2:
        message += f"; and {len(bad) - 2} more"
    return finding("wrong-dtype", message, bad, count=len(bad))


def columns_vary(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """No column has one value in all rows; zeros count in dense tables only."""
    bad = [c for group in groups for c in _constant(group)]
    if not bad:
        return None
    worst = bad[0]
    message = f"{listed(_names(bad))} {'is' if len(bad) == 1 else 'are'} the same in every row"
    message += f" ({number(worst.low)})" if len(bad) == 1 and worst.kind == "constant" else ""
    return finding("constant-feature", message, bad, count=len(bad))


def columns_vary_enough(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """No column is nearly constant: within float32's rounding, or but for a few rows."""
    bad = []
    for c in _all(groups):
        if c.kind != "continuous" or c.wrong:
            continue
        rounding = is_lost(c)
        same = c.common_share >= NEARLY_ALL and c.values >= FEWEST_ROWS
        if rounding or (same and c.common != 0.0 and c.distinct > 2):
            bad.append(c)
    if not bad:
        return None
    worst = max(bad, key=lambda c: c.common_share)
    if worst.common_share >= NEARLY_ALL:
        why = f"{number(worst.common)} in {share(worst.common_share)} of the rows"
    else:
        worst = bad[0]
        why = f"{number(worst.mean)} with a standard deviation of {number(worst.deviation)}"
    evidence = {"common_share": worst.common_share, "deviation": worst.deviation}
    message = f"{listed(_names(bad))} hardly {'varies' if len(bad) == 1 else 'vary'}: {why}"
    return finding("near-constant-feature", message, bad, **evidence)


def columns_differ(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """No column repeats another, exactly or up to a factor and an offset."""
    bad = [c for c in _all(groups) if c.twin]
    if not bad:
        return None
    texts = [f"{c.name} is {c.twin}{' on another scale' * c.twin_scaled}" for c in bad[:2]]
    more = f" and {len(bad) - 2} more" if len(bad) > 2 else ""
    return finding("duplicate-feature", ", ".join(texts) + more, bad, count=len(bad))


def no_outliers(groups: Sequence[GroupProfile], limits: DataLimits) -> DataFinding | None:
    """No few values that leave no room for the others, and no mark such as 999 for "unknown"."""
    free = [c for c in _all(groups) if not c.wrong and not c.overflow]
    bad = [c for c in free if c.sentinel is not None or _has_outliers(c)]
    if not bad:
        return None
    bad.sort(key=lambda c: -_reach(c))
    worst = bad[0]
    if worst.sentinel is not None:
        why = f"{number(worst.sentinel)} stands apart, the others lie near {number(worst.median)}"
    else:
        held = worst.values - worst.missing - worst.infinite
        why = (
            f"{share(worst.far / max(held, 1))} of {worst.name} beyond 10 spreads, the "
            f"farthest at {number(_reach(worst))}"
        )
    evidence = {"far": worst.far, "spread": worst.spread, "farthest": _reach(worst)}
    return finding("outliers", f"{listed(_names(bad))}: {why}", bad, **evidence)


def is_lost(c: ColumnProfile) -> bool:
    """True where a column varies less than float32 can show that far from zero."""
    return c.deviation <= LOST_SPREAD * abs(c.mean)


def finding(
    code: str, message: str, columns: Sequence[ColumnProfile], **evidence: float | int | str
) -> DataFinding:
    """A finding in some columns, with the numbers behind it."""
    return DataFinding(code=code, message=message, columns=_names(columns), evidence=evidence)


def _has_outliers(c: ColumnProfile) -> bool:
    if c.kind != "continuous" or c.spread <= 0.0 or c.common_share > MOST_COMMON:
        return False
    if not 0 < c.far <= MOST_FAR * c.values:
        return False
    if max(c.high - c.mean, c.mean - c.low) <= FEWEST_DEVIATIONS * c.deviation:
        return False
    return c.deviation > SQUEEZED * c.spread or _reach(c) > FARTHEST


def _reach(c: ColumnProfile) -> float:
    """How many spreads the farthest value lies from the median."""
    return max(c.high - c.median, c.median - c.low) / c.spread if c.spread > 0.0 else 0.0


def _constant(group: GroupProfile) -> list[ColumnProfile]:
    constant = [c for c in group.columns if c.kind == "constant" and c.values > 1]
    if group.shape != "table" or _is_mask(group):
        return []
    # Zeros are padding, the edge of an image, or a word that did not occur, unless the table is
    # full of amounts.
    return constant if _is_dense(group) else [c for c in constant if c.low != 0.0]


def _is_dense(group: GroupProfile) -> bool:
    varied = [c for c in group.columns if c.kind != "constant"]
    return bool(varied) and all(c.kind in AMOUNTS and c.zeros < 0.5 for c in varied)


def _is_mask(group: GroupProfile) -> bool:
    """True for a matrix of whole numbers without amounts: what masks tokens has such columns."""
    whole = all(c.dtype.startswith(("int", "uint", "bool")) for c in group.columns)
    return len(group.columns) > 1 and whole and not any(c.kind in AMOUNTS for c in group.columns)


def _all(groups: Sequence[GroupProfile]) -> list[ColumnProfile]:
    return [column for group in groups for column in group.columns]


def _names(columns: Sequence[ColumnProfile]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)
