"""Where a loss stands on an axis: one rule for every picture and for the page.

A loss without a place on the axis, as NaN, a diverged one, or 0 on a logarithmic axis, stands as a
sign at its edge: any position would be an invented one.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

__all__ = ["ABOVE", "BELOW", "NOWHERE", "LossAxis", "loss_axis"]

#: What stands at the edge for a value that has no place on the axis: above, nowhere, below.
ABOVE, NOWHERE, BELOW = "▴", "\N{MULTIPLICATION SIGN}", "▾"
#: Losses that span this factor have a logarithmic axis: on a linear one the last tenth of a descent
#: would be a tenth of the height, and nothing of what follows it could be seen.
LOG_FROM = 10.0
#: Spikes that would leave less than a half of the height for all the rest are cut off.
SPIKES_TAKE = 2.0
#: What moves by less than this share of its size is drawn flat, as in a sparkline: stretched to the
#: full height, the noise of a training that stands still would look like one that oscillates.
FLAT_SHARE = 0.01
#: Room beyond the highest and the lowest drawn value, as a share of the axis.
ROOM = 0.06
#: Exponents and numbers that a float holds, for the room beyond the largest ones.
LEAST_EXPONENT, MOST_EXPONENT, MOST = -307.0, 308.0, 1.7e308


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossAxis:
    """An axis of losses.

    Attributes:
        log: it is logarithmic.
        low, high: its ends, with some room beyond the values.
    """

    log: bool
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper end; the exponents of a logarithmic axis."""
        return (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)

    def sign(self, loss: float) -> str:
        """What stands at the edge for a loss; empty for one that has a place."""
        if math.isnan(loss):
            return NOWHERE
        if loss > self.high:
            return ABOVE
        return BELOW if loss < self.low else ""

    def off_the_scale(
        self, xs: Iterable[float], losses: Iterable[float]
    ) -> list[tuple[str, float, float]]:
        """(sign, x, loss) of the first loss of each sign along a line."""
        losses = [*losses]
        if all(map(math.isfinite, losses)) and self._holds(losses):
            return []
        found: dict[str, tuple[str, float, float]] = {}
        for x, loss in zip(xs, losses, strict=True):
            sign = self.sign(loss)
            if sign:
                found.setdefault(sign, (sign, x, loss))
        return list(found.values())

    def _holds(self, losses: Sequence[float]) -> bool:
        return not losses or (self.low <= min(losses) and max(losses) <= self.high)


def loss_axis(
    courses: Iterable[Sequence[float]],
    *,
    bounds: Iterable[float] = (),
    top: float | None = None,
    log: bool | None = None,
) -> LossAxis:
    """The axis on which these losses are best seen.

    It is logarithmic where they span a factor, whatever single values are; a loss of exactly 0, or
    one that diverged, does not change that. It reaches to all losses but single spikes.

    Args:
        courses: the losses of each line, in order; the first and the last are never cut off.
        bounds: losses that have to be on it.
        top: losses above it are off the scale.
        log: whether it is logarithmic; None decides by the losses.
    """
    courses = [[*filter(math.isfinite, course)] for course in courses]
    marks = [*bounds]
    if top is not None and any(max(course, default=top) > top for course in courses):
        courses = [[loss for loss in course if loss <= top] for course in courses]
        marks.append(top)  # what is off the scale by the caller's word has its end on it
    calm = _Extent.of([*marks, *itertools.chain.from_iterable(map(_calm, courses))])
    whole = _Extent.of([*marks, *itertools.chain.from_iterable(courses)])
    if log is None:
        log = whole.low >= 0 and calm.factor >= LOG_FROM
    low, high = _ends(calm.heights(log), whole.heights(log))
    # No position says much about 1 % of a loss; of a factor every part of it counts.
    least = 0.0 if log else FLAT_SHARE * max(abs(low), abs(high)) / 2
    room = max(ROOM * (high - low), least) or 0.1
    low, high = (_within(end, log) for end in (low - room, high + room))
    return LossAxis(log=log, low=10.0**low if log else low, high=10.0**high if log else high)


@dataclasses.dataclass(frozen=True, slots=True)
class _Extent:
    """Between which losses some are: the lowest, the lowest above 0 or 0, and the highest."""

    low: float
    positive: float
    high: float

    @classmethod
    def of(cls, losses: Sequence[float]) -> _Extent:
        """That of these; of none that of an empty axis."""
        low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
        positive = low if low > 0 else min((loss for loss in losses if loss > 0), default=0.0)
        return cls(low, positive, high)

    @property
    def factor(self) -> float:
        """How many times the smallest positive loss the largest one is."""
        return self.high / self.positive if self.positive else 0.0

    def heights(self, log: bool) -> tuple[float, ...]:
        """Where the lowest and the highest loss stand that have a place; none where none has."""
        if not log:
            return self.low, self.high
        return (math.log10(self.positive), math.log10(self.high)) if self.positive else ()


def _calm(course: Sequence[float]) -> list[float]:
    """The losses without spikes of one point: their medians of three, and both ends."""
    threes = zip(course, course[1:], course[2:], strict=False)
    # Written out: there are a million of them where many trainings failed, and a call is slow.
    medians = [
        (b if b < c else c if a < c else a) if a < b else (a if a < c else c if b < c else b)  # noqa: FURB136
        for a, b, c in threes
    ]
    return [*course[:1], *medians, *course[1:][-1:]]


def _ends(calm: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value, or the calm one where a spike would take too much."""
    if not calm:
        return 0.0, 1.0
    low, high = calm
    lowest, highest = values
    extent = SPIKES_TAKE * (high - low)
    if extent <= FLAT_SHARE * max(abs(low), abs(high)):
        return lowest, highest  # all that there is to see are the spikes
    return (
        lowest if high - lowest <= extent else low,
        highest if highest - low <= extent else high,
    )


def _within(end: float, log: bool) -> float:
    """An end that a float holds."""
    return min(max(end, LEAST_EXPONENT), MOST_EXPONENT) if log else min(max(end, -MOST), MOST)
