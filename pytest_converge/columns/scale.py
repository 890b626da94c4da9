"""The scale rule: which columns are too large, too small or too far from zero for a layer.

The diagnosis asks it about what first layers are fed with and about the targets, and
`preprocessing.check` about what a pipeline puts out.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

from pytest_converge.core.data_report import ColumnProfile, GroupProfile
from pytest_converge.core.input_scales import HIGHEST_RMS, LOWEST_RMS

__all__ = ["HIGHEST_DEVIATION", "SPARSE_FROM", "ScaleEvidence", "ScaleFlag", "scale_evidence"]

# The limits, and those of the root mean square, fired on none of 816 healthy trainings and on 30 of
# 30 faulty ones.
#: Standard deviation, or root mean square, of one feature.
HIGHEST_DEVIATION = 20.0
#: Median over the features of |mean| / standard deviation.
HIGHEST_OFFSET = 8.0
#: Standard deviation or |mean| of one target.
HIGHEST_TARGET = 20.0
# The others fired on none of 53 sound pipelines, in 20 draws each.
#: |mean| / standard deviation of one feature: 100 leaves room for one outlier scaled to 0 to 1.
HIGHEST_SINGLE_OFFSET = 100.0
#: Root mean square of targets below which a loss and its gradients vanish: squares of 1e-6.
LOWEST_TARGET = 1e-3
#: Standardised pixels lie within; bytes do not.
HIGHEST_PIXEL = 20.0
#: A smaller range than this, and a network sees grey: bytes divided by 255 twice reach 0.004.
LOWEST_PIXEL_RANGE = 0.05
#: The largest value of an image of bytes.
BYTE = 255.0
#: From this share of zeros on, only the other values tell the scale (word counts, TF-IDF).
SPARSE_FROM = 0.8
#: Kinds of features that have a scale to choose.
AMOUNTS = frozenset({"continuous", "ordinal", "cyclic"})
#: Kinds of targets that have none.
CODED = frozenset({"binary", "one-hot", "tokens", "pixels", "text", "dates", "empty"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScaleFlag:
    """One part of the rule that fired.

    Attributes:
        part: "small-rms", "large-rms", "deviation" or "offset" of features; "deviation", "range"
            or "contrast" of images; "spread", "mean" or "small-rms" of targets.
        array: name of the array.
        value: the number that was compared.
        limit: what it was compared with.
        columns: names of the columns concerned, the farthest off first.
        image: True for bytes of images, which want to be divided by 255.
    """

    part: str
    array: str
    value: float
    limit: float
    columns: tuple[str, ...]
    image: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScaleEvidence:
    """What the scale rule found; empty where it did not fire.

    Attributes:
        features, targets: the parts that fired.
    """

    features: tuple[ScaleFlag, ...] = ()
    targets: tuple[ScaleFlag, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns concerned, each once."""
        flags = (*self.features, *self.targets)
        return tuple(dict.fromkeys(name for flag in flags for name in flag.columns))


def scale_evidence(groups: Iterable[GroupProfile]) -> ScaleEvidence:
    """The parts of the scale rule that fire; coded columns have no say in it."""
    features: list[ScaleFlag] = []
    targets: list[ScaleFlag] = []
    for group in groups:
        if group.target:
            targets.extend(_target_flags(group))
        else:
            features.extend((_image_flags if group.shape == "image" else _feature_flags)(group))
    return ScaleEvidence(features=tuple(features), targets=tuple(targets))


def _feature_flags(group: GroupProfile) -> Iterator[ScaleFlag]:
    varied = [c for c in group.columns if c.kind in AMOUNTS]
    if not varied:
        return
    free = [*varied, *(c for c in group.columns if c.kind == "constant" and c.low != 0.0)]
    rms, sizes = _pooled_rms(free), {c.name: _size(c) for c in free}
    limit = HIGHEST_RMS if rms > HIGHEST_RMS else HIGHEST_DEVIATION
    wide = {c.name: c.deviation for c in varied if c.deviation > HIGHEST_DEVIATION}
    large = {name: size for name, size in sizes.items() if size > limit}
    if rms > HIGHEST_RMS:
        yield _flag("large-rms", group, rms, limit, large)
    elif large.keys() - wide.keys():
        yield _flag("large-rms", group, max(large.values()), limit, large)
    elif rms < LOWEST_RMS and not group.normed:
        small = {name: -size for name, size in sizes.items() if size < LOWEST_RMS}
        yield _flag("small-rms", group, rms, LOWEST_RMS, small)
    if wide:
        yield _flag("deviation", group, max(wide.values()), HIGHEST_DEVIATION, wide)
    offsets = {c.name: abs(c.mean) / c.deviation for c in varied if c.deviation > 0.0}
    median = statistics.median(offsets.values()) if offsets else 0.0
    limit = HIGHEST_OFFSET if median > HIGHEST_OFFSET else HIGHEST_SINGLE_OFFSET
    far = {name: offset for name, offset in offsets.items() if offset > limit}
    if far:
        value = median if median > HIGHEST_OFFSET else max(far.values())
        yield _flag("offset", group, value, limit, far)


def _image_flags(group: GroupProfile) -> Iterator[ScaleFlag]:
    channels = [c for c in group.columns if c.kind in {*AMOUNTS, "pixels", "constant"}]
    if not channels:
        return
    deviations = {c.name: c.deviation for c in channels}
    widest, low, high = max(deviations.values()), group.low, group.high
    largest = max(high, -low)
    bright = low >= 0.0 and 1.0 < high <= BYTE
    if widest > HIGHEST_RMS:
        yield _flag("deviation", group, widest, HIGHEST_RMS, deviations, image=bright)
    elif largest > HIGHEST_PIXEL:
        yield _flag("range", group, largest, HIGHEST_PIXEL, deviations, image=bright)
    elif high - low < LOWEST_PIXEL_RANGE:
        yield _flag("contrast", group, high - low, LOWEST_PIXEL_RANGE, deviations)


def _target_flags(group: GroupProfile) -> Iterator[ScaleFlag]:
    free = [c for c in group.columns if c.kind not in CODED]
    for part, sizes in (
        ("spread", {c.name: c.deviation for c in free}),
        ("mean", {c.name: abs(c.mean) for c in free}),
    ):
        large = {name: size for name, size in sizes.items() if size > HIGHEST_TARGET}
        if large:
            yield _flag(part, group, max(large.values()), HIGHEST_TARGET, large)
    small = {c.name: -c.rms for c in free if c.kind != "constant" and c.rms < LOWEST_TARGET}
    if small:
        yield _flag("small-rms", group, -max(small.values()), LOWEST_TARGET, small)


def _flag(
    part: str,
    group: GroupProfile,
    value: float,
    limit: float,
    ranked: dict[str, float],
    *,
    image: bool = False,
) -> ScaleFlag:
    names = tuple(sorted(ranked, key=lambda name: -ranked[name]))
    return ScaleFlag(
        part=part, array=group.name, value=value, limit=limit, columns=names, image=image
    )


def _size(column: ColumnProfile) -> float:
    """Root mean square; of a sparse column that of the values other than zero."""
    return column.rms / math.sqrt(_weight(column))


def _weight(column: ColumnProfile) -> float:
    """The share of the values that tell the scale."""
    return 1.0 - column.zeros if SPARSE_FROM <= column.zeros < 1.0 else 1.0


def _pooled_rms(columns: Sequence[ColumnProfile]) -> float:
    """Root mean square over all columns, each with equally many rows."""
    squares = sum(column.rms**2 for column in columns)
    return math.sqrt(squares / sum(map(_weight, columns)))
