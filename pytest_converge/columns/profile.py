"""What each column of some data is: its kind, its statistics, and what is odd about it.

NumPy only. Means, spreads and ranges are those of all rows. What needs sorting or comparing, as
quantiles and equal columns, is looked for in a sample and then checked on all rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_converge.columns import dtypes, duplicates
from pytest_converge.columns import kinds as column_kinds
from pytest_converge.columns.frames import Part, read_parts
from pytest_converge.columns.moments import Moments, moments
from pytest_converge.columns.sample import ColumnSample, sample_rows, sampled_columns
from pytest_converge.core.data_report import ColumnProfile, GroupProfile

__all__ = ["profile_arrays", "profile_columns", "profile_groups"]

Array = np.ndarray[Any, Any]

#: A value this many spreads from the median is far: 1 in 1e23 of a normal distribution.
FAR = 10.0
#: A repeated value stands for "missing" where so many rows of the sample have it.
SENTINEL_REPEATS = 3
#: And where it lies so many standard deviations from the mean.
SENTINEL_DEVIATIONS = 5.0
#: Numbers that people write for "unknown"; they count however often they occur.
CUSTOMARY_SENTINELS = frozenset(
    sign * value for sign in (-1.0, 1.0) for value in (999.0, 9999.0, 99999.0, 999999.0)
)
#: Larger numbers are infinite in what networks calculate with.
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
#: Rows whose lengths or sums differ less than this are of one length: rounding in float32.
EQUAL_ROWS = 1e-3


def profile_groups(
    parts: Sequence[Part], kinds: Mapping[str, str] | None = None
) -> tuple[GroupProfile, ...]:
    """The columns of every array or table.

    Args:
        parts: all columns of the data.
        kinds: the kind of some columns, by name, where the user states it.
    """
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.group, []).append(part)
    return tuple(
        GroupProfile(
            name=name,
            shape=column_kinds.shape_of(members),
            normed=len(members) == 1 and _is_normed(members[0]),
            columns=profile_columns(members, kinds),
        )
        for name, members in groups.items()
    )


def profile_arrays(
    arrays: Mapping[str, Array],
    labels: Mapping[str, list[str]] | None = None,
    *,
    codes: Collection[str] | None = None,
    targets: Collection[str] = (),
) -> tuple[GroupProfile, ...]:
    """The columns of what a training takes: inputs, and targets where the name begins with `y`.

    Layers take these numbers as they are, so whole ones are amounts unless `codes` says otherwise.

    Args:
        arrays: by name, the rows first; sample weights are left out.
        labels: names of the columns of arrays that came as data frames.
        codes: the arrays that hold numbers of words or classes, as what feeds an embedding or the
            targets of a sparse cross-entropy. None: every array of integers but images is one.
        targets: the arrays that are known to be targets whatever their names are.
    """
    groups = []
    for name, array in arrays.items():
        if (name.startswith("sample_weight") and name not in targets) or not array.size:
            continue
        parts, own = read_parts(array, name), (labels or {}).get(name, [])
        if len(own) == sum(part.width for part in parts):
            parts = read_parts(array, name, [f"{name}[{label!r}]" for label in own])
        shape = column_kinds.shape_of(parts)
        integers = array.dtype.kind in "iu" and shape != "image"
        coded = integers if codes is None else name in codes
        kinds = {label: "tokens" for part in parts for label in part.labels} if coded else {}
        group = GroupProfile(
            name=name,
            shape=shape,
            normed=_is_normed(parts[0]),
            columns=profile_columns(parts, kinds, amounts=True),
            target=name.startswith("y") or name in targets,
        )
        groups.append(group)
    return tuple(groups)


def profile_columns(
    parts: Sequence[Part], kinds: Mapping[str, str] | None = None, *, amounts: bool = False
) -> tuple[ColumnProfile, ...]:
    """The columns of one array or table, in order; empty columns included.

    Args:
        parts: the columns.
        kinds: the kind of some of them, by name, where it is known.
        amounts: True where numbers of another kind than these are amounts.
    """
    stated = kinds or {}
    profiles: list[ColumnProfile] = []
    samples: list[ColumnSample] = []
    for part in parts:
        found, seen = _profile_part(part, amounts=amounts)
        profiles += found
        samples += seen
    column_kinds.mark_groups(profiles, samples)
    for index, profile in enumerate(profiles):
        if profile.name in stated:
            profiles[index] = dataclasses.replace(profile, kind=stated[profile.name])
    duplicates.mark(profiles, samples, parts)
    return tuple(profiles)


def _profile_part(part: Part, *, amounts: bool) -> tuple[list[ColumnProfile], list[ColumnSample]]:
    kind = part.array.dtype.kind
    if kind not in "biuf":
        profiles = [dtypes.other_column(part, index) for index in range(part.width)]
        return profiles, [ColumnSample.none() for _ in profiles]
    chosen = sample_rows(part)
    samples = sampled_columns(part, chosen)
    measured = moments(part, np.array([seen.mean for seen in samples]))
    first = _profiles(part, samples, measured)
    kinds = column_kinds.kinds_of(part, first, samples, amounts=amounts)
    return [
        _looked_closer(part, index, dataclasses.replace(profile, kind=kind), samples[index])
        for index, (profile, kind) in enumerate(zip(first, kinds, strict=True))
    ], samples


def _profiles(
    part: Part, samples: Sequence[ColumnSample], measured: Moments
) -> list[ColumnProfile]:
    names = ("count", "missing", "infinite", "mean", "deviation", "low", "high")
    table = np.column_stack([getattr(measured, name) for name in names]).tolist()
    profiles = []
    for label, seen, zeros, row in zip(
        part.labels, samples, _zeros(part, samples), table, strict=True
    ):
        count, missing, infinite, mean, deviation, *ends = row
        low, high = ends if count else (0.0, 0.0)
        common, common_share = seen.most_common
        profile = ColumnProfile(
            name=label,
            dtype=str(part.array.dtype),
            kind="continuous",
            values=int(count + missing + infinite),
            missing=int(missing),
            infinite=int(infinite),
            overflow=max(-low, high) > LARGEST_FLOAT32,
            mean=mean,
            deviation=0.0 if low == high else deviation,
            low=low,
            high=high,
            zeros=zeros if low <= 0.0 <= high else 0.0,
            median=seen.median,
            spread=seen.spread,
            distinct=seen.distinct,
            common=common,
            common_share=common_share,
        )
        profiles.append(profile)
    return profiles


def _zeros(part: Part, samples: Sequence[ColumnSample]) -> list[float]:
    """Share of zeros in each column: of a sparse matrix exactly, else in the sample."""
    if not part.sparse:
        return [seen.zeros for seen in samples]
    filled = np.bincount(part.array.indices, minlength=part.width)
    return [float(share) for share in 1.0 - filled / len(part)]


def _looked_closer(
    part: Part, index: int, profile: ColumnProfile, seen: ColumnSample
) -> ColumnProfile:
    wrong = dtypes.wrong_number(profile, seen)
    far, sentinel = 0, None
    if profile.kind == "continuous" and profile.spread > 0.0:
        reach = max(profile.high - profile.median, profile.median - profile.low)
        if reach > FAR * profile.spread and not part.sparse:
            away = _distances(part, index, profile.median)
            far = int((away > FAR * profile.spread).sum())
    if profile.kind in {"continuous", "ordinal", "categorical"}:
        sentinel = _sentinel(profile, seen)
    return dataclasses.replace(profile, wrong=wrong, far=far, sentinel=sentinel)


def _distances(part: Part, index: int, centre: float) -> Array:
    away = np.abs(part.column(index).astype(np.float64) - centre)
    return np.where(np.isfinite(away), away, 0.0)


def _sentinel(profile: ColumnProfile, seen: ColumnSample) -> float | None:
    """A repeated end of the range with nothing near it."""
    for value in (profile.low, profile.high):
        if value == 0.0:
            continue  # many things are 0 by right
        rest = seen.ordered[seen.ordered != value]
        repeats = len(seen.ordered) - len(rest)
        if repeats < SENTINEL_REPEATS or len(rest) < SENTINEL_REPEATS:
            continue
        first, median, third = np.quantile(rest, [0.25, 0.5, 0.75])
        spread = (third - first) / 1.349
        if spread <= 0.0:
            continue  # hardly anything but one value: an event that is rare
        nearest = rest[0] if value < median else rest[-1]
        with np.errstate(over="ignore"):  # infinitely far is far
            alone = abs(value - nearest) > 0.5 * abs(value - median) > 0.5 * FAR * spread
        distance = abs(value - profile.mean) / max(profile.deviation, 1e-300)
        if alone and (distance > SENTINEL_DEVIATIONS or value in CUSTOMARY_SENTINELS):
            return float(value)
    return None


def _is_normed(part: Part) -> bool:
    """True where all rows have length 1, or values of at least 0 that add up to 1."""
    if part.array.dtype.kind != "f" or part.width < 3 or part.array.ndim != 2:
        return False
    rows = part.rows(sample_rows(part)[:1024]).astype(np.float64)
    if not np.isfinite(rows).all():
        return False
    lengths = np.sqrt(np.square(rows).sum(axis=1))
    sums = rows.sum(axis=1) if rows.min() >= 0.0 else np.zeros(len(rows))
    return _all_one(lengths) or _all_one(sums)


def _all_one(sizes: Iterable[float]) -> bool:
    near = [abs(size - 1.0) < EQUAL_ROWS for size in sizes]
    # A row of nothing but zeros has no direction.
    return sum(near) >= 0.99 * len(near)
