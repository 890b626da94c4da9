"""What a column of numbers stands for: an amount, a class, a token, a flag, a pixel."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part
from pytest_converge.columns.sample import ColumnSample
from pytest_converge.core.data_report import ColumnProfile

__all__ = ["kinds_of", "mark_groups", "shape_of"]

#: Images have at least this many pixels a side.
SMALLEST_SIDE = 8
#: A spread below this part of the largest value is rounding: the column is constant.
CONSTANT_SPREAD = 1e-12
#: A flag has two values of at most this size; 0 and 1000 are an amount.
LARGEST_FLAG = 10.0
#: Whole numbers up to this size are marks, grades or small counts.
LARGEST_ORDINAL = 20.0
#: Integers are numbers of classes where so much of a range from 0 or 1 occurs as random draws from
#: it would cover; popular classes crowd out rare ones, so much less than all is asked for.
COVERED = 0.1
#: The lowest of n random draws from V classes is below 5 V / n but for 1 in 150.
LOWEST_CODE = 5.0
#: Tokens: so many of the columns reach at least 1/50 of the largest number of all.
TOKEN_COLUMNS, TOKEN_REACH = 0.75, 1 / 50
#: Or so many columns have nearly the same range, as those of letters; within a quarter of it.
FEWEST_ALIKE, ALIKE = 8, 0.25
#: Flat images of bytes have at least this many pixels, and values beyond those of letters.
FLAT_PIXELS, BRIGHT = 49, 128
#: Sine and cosine: how far the sum of their squares may be from 1 (float16).
CIRCLE = 5e-3


def shape_of(parts: Sequence[Part]) -> str:
    """`table`, `image` or `sequence`, by the axes."""
    array = parts[0].array
    if len(parts) > 1 or array.ndim < 3:
        return "table"
    if array.ndim > 3 and min(array.shape[-3:-1]) >= SMALLEST_SIDE:
        return "image"
    return "sequence"


def kinds_of(
    part: Part,
    profiles: Sequence[ColumnProfile],
    samples: Sequence[ColumnSample],
    *,
    amounts: bool = False,
) -> list[str]:
    """The kind of each column of an array of numbers, as far as it shows by itself.

    Args:
        part: the columns.
        profiles: their statistics.
        samples: some of their rows.
        amounts: True where a layer takes the numbers as they are, so that none is a code.
    """
    if amounts:
        kinds = (_plain_kind(part, i, p, samples[i]) for i, p in enumerate(profiles))
        return [kind or "continuous" for kind in kinds]
    if shape_of([part]) == "image":
        return ["empty" if _is_empty(profile) else "pixels" for profile in profiles]
    tokens = _are_tokens(part, profiles)
    if _are_flat_images(part, profiles):
        return ["constant" if p.low == p.high else "continuous" for p in profiles]
    return [
        _kind(part, index, profile, samples[index], tokens=tokens)
        for index, profile in enumerate(profiles)
    ]


def mark_groups(profiles: list[ColumnProfile], samples: Sequence[ColumnSample]) -> None:
    """Renames neighbours that belong together: one-hot columns, and a sine beside its cosine."""
    for kind, run in itertools.groupby(range(len(profiles)), lambda i: profiles[i].kind):
        if kind == "binary":
            _mark_one_hot(profiles, samples, list(run))
    for index in range(len(profiles) - 1):
        pair = profiles[index : index + 2]
        if all(p.kind == "continuous" and -1.01 < p.low <= p.high < 1.01 for p in pair):
            a, b = samples[index].values, samples[index + 1].values
            if len(a) == len(b) and np.abs(a**2 + b**2 - 1.0).max() < CIRCLE:
                for place in (index, index + 1):
                    profiles[place] = dataclasses.replace(profiles[place], kind="cyclic")


def _kind(
    part: Part, index: int, profile: ColumnProfile, seen: ColumnSample, *, tokens: bool
) -> str:
    plain = _plain_kind(part, index, profile, seen)
    if plain:
        return "tokens" if tokens and plain == "constant" else plain
    if tokens:
        return "tokens"
    if part.categories or (part.array.dtype.kind in "iu" and _are_codes(profile, seen)):
        return "categorical"
    small = max(abs(profile.low), abs(profile.high)) <= LARGEST_ORDINAL
    return "ordinal" if small and seen.whole else "continuous"


def _plain_kind(part: Part, index: int, profile: ColumnProfile, seen: ColumnSample) -> str:
    """What shows whatever the numbers mean: "empty", "constant" or "binary"; else nothing."""
    if _is_empty(profile):
        return "empty"
    if profile.high - profile.low <= CONSTANT_SPREAD * max(abs(profile.low), abs(profile.high)):
        return "constant"
    flag = part.array.dtype.kind == "b" or _is_flag(part, index, profile, seen)
    return "binary" if flag else ""


def _is_empty(profile: ColumnProfile) -> bool:
    return profile.values == profile.missing + profile.infinite


def _is_flag(part: Part, index: int, profile: ColumnProfile, seen: ColumnSample) -> bool:
    if seen.distinct > 2 or max(-profile.low, profile.high) > LARGEST_FLAG:
        return False
    if part.sparse:
        return bool(seen.whole)
    column = part.column(index)
    low, high = (np.asarray(end).astype(column.dtype) for end in (profile.low, profile.high))
    same = (column == low) | (column == high)
    return int(same.sum()) == profile.values - profile.missing - profile.infinite


def _are_codes(profile: ColumnProfile, seen: ColumnSample) -> bool:
    """True for integers that fill a range from 0 or 1 (-1 for unknown) as classes do."""
    classes = profile.high - min(profile.low, 0.0) + 1.0
    draws = len(seen.ordered)
    lowest = max(1.0, LOWEST_CODE * classes / draws)
    if not -1.0 <= profile.low <= lowest or profile.high > 2**24:
        return False
    covered = classes * -float(np.expm1(-draws / classes))
    return seen.distinct >= COVERED * covered


def _are_tokens(part: Part, profiles: Sequence[ColumnProfile]) -> bool:
    """True for a matrix of integers in which every column draws from the same vocabulary."""
    if part.frame or part.sparse or part.array.dtype.kind not in "iu" or part.width < 2:
        return False
    low, high = min(p.low for p in profiles), max(p.high for p in profiles)
    if low < 0 or high < 2:
        return False
    varied = [p for p in profiles if p.high > p.low]
    if not varied:
        return True  # numbers of places
    if part.width >= FEWEST_ALIKE and _share_a_range(varied, low, high):
        return True
    reaching = sum(p.high >= TOKEN_REACH * high for p in varied)
    floor = max(high / 100.0, 3.0 * high / len(part), 2.0)
    return reaching >= TOKEN_COLUMNS * len(varied) and (
        float(np.median([p.low for p in varied])) <= floor
    )


def _share_a_range(varied: Sequence[ColumnProfile], low: float, high: float) -> bool:
    """True where most columns reach from near the lowest to near the highest value of all."""
    near = ALIKE * (high - low)
    alike = sum(p.low - low <= near and high - p.high <= near for p in varied)
    return alike >= TOKEN_COLUMNS * len(varied)


def _are_flat_images(part: Part, profiles: Sequence[ColumnProfile]) -> bool:
    """True for rows of many bytes that are no letters."""
    bright = max((p.high for p in profiles), default=0.0) >= BRIGHT
    return part.array.dtype == np.uint8 and part.width >= FLAT_PIXELS and bright


def _mark_one_hot(
    profiles: list[ColumnProfile], samples: Sequence[ColumnSample], run: list[int]
) -> None:
    """Neighbouring flags of which exactly one is 1 in every row of the sample."""
    total: Any = 0.0
    first = run[0]
    for index in run:
        values = samples[index].values
        joined = total + values
        if not len(values) or not ((values == 0.0) | (values == 1.0)).all():
            total, first = 0.0, index + 1
        elif joined.max() > 1.0:  # no group begins where this one did
            total, first = values, index
        elif index > first and joined.min() == 1.0:
            for place in range(first, index + 1):
                profiles[place] = dataclasses.replace(profiles[place], kind="one-hot")
            total, first = 0.0, index + 1
        else:
            total = joined
