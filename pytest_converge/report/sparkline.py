"""A curve in one line of text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TextIO

from pytest_converge.report.layout import ellipsis

__all__ = ["can_show", "log_suits", "sparkline"]

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.:-=+*#"
NOT_FINITE = "\N{MULTIPLICATION SIGN}"
ASCII_NOT_FINITE = "x"
#: On a linear scale everything below an eighth of the range looks like zero; over two decades
#: that hides most of a healthy descent.
LOG_RATIO = 100.0
#: A curve that moves less than this share of its size is drawn flat: stretched to the full
#: height, the noise of a training that stands still would look like one that oscillates.
FLAT_SHARE = 0.01


def sparkline(
    values: Sequence[float], width: int, unicode: bool = True, log: bool | None = None
) -> str:
    """The values from left to right as bars, one character each, at most `width` characters.

    Longer curves are put into `width` buckets of which each shows its highest value, so that a
    spike of one step stays visible; a bucket with a value that is not finite shows that.

    Args:
        values: losses in order; may be empty, which gives an empty text.
        width: the most characters to return.
        unicode: block characters, else ASCII.
        log: logarithmic scale, which needs positive values; None decides by `log_suits`.
    """
    bars, broken = (BLOCKS, NOT_FINITE) if unicode else (ASCII_BLOCKS, ASCII_NOT_FINITE)
    if log is None:
        log = log_suits(values)
    points = [_height(value, log) for value in _buckets(values, width)]
    finite = [point for point in points if point is not None]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    flat = high - low <= (0.0 if log else FLAT_SHARE * max(abs(low), abs(high)))
    # The difference of two huge losses may overflow, half of a tiny one be zero.
    unit = 1.0 if math.isfinite(high - low) else 0.5

    def bar(point: float | None) -> str:
        if point is None:
            return broken
        share = 0.5 if flat else (point * unit - low * unit) / (high * unit - low * unit)
        return bars[min(int(share * len(bars)), len(bars) - 1)]

    return "".join(map(bar, points))


def log_suits(values: Sequence[float]) -> bool:
    """True where all finite values are positive and span more than two decades."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) / LOG_RATIO > min(finite)


def _height(value: float, log: bool) -> float | None:
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return math.log(value) if log else value


def _buckets(values: Sequence[float], width: int) -> list[float]:
    count = len(values)
    if count <= width:
        return list(values)
    edges = [round(i * count / width) for i in range(max(width, 0) + 1)] if width > 0 else []
    return [_highest(values[a:b]) for a, b in itertools.pairwise(edges)]


def _highest(values: Sequence[float]) -> float:
    return max(values) if all(map(math.isfinite, values)) else math.nan


def can_show(stream: TextIO) -> bool:
    """True where a stream takes the characters beyond ASCII that reports have of their own."""
    try:
        (BLOCKS + NOT_FINITE + ellipsis(True)).encode(stream.encoding or "ascii")
    except (AttributeError, LookupError, UnicodeEncodeError):
        return False
    return True
