"""How a run is reduced to the scores by which it is ranked, lower being better."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from pytest_converge.core.errors import invalid

__all__ = ["DIGITS", "KEPT_POINTS", "kept_points", "metric_score", "scores"]

#: Points of a curve that a baseline keeps: a picture of it, and few lines in a review.
KEPT_POINTS = 64
#: The first steps, all kept: numerics that are unchanged are recognised by them.
FIRST_STEPS = 10
#: Losses below this share of a run's largest are equal: a mean over 32 rows of a cross-entropy in
#: float32 has no values between 0 and 4e-9, and exact zeros have no logarithm.
FLOOR_SHARE = 1e-9
#: Significant digits of a score and of all numbers in a baseline's file, so that a repeated run
#: ties with it: enough to tell any two float32 values apart (IEEE 754-2019, table 5.1 counts 9).
DIGITS = 9


def scores(losses: Sequence[float]) -> tuple[float, float]:
    """The mean natural logarithm of the batch losses, over the whole curve and its last half.

    It varies over seeds a tenth of what the final loss does. Losses below 1e-9 of the largest
    count as that much, and exact zeros with them.

    Returns:
        Both scores, infinite (the worst) where any loss is not finite.

    Raises:
        InvalidTrainingError: see `unscorable`.
    """
    reason = unscorable(losses)
    if reason:
        remedy = "Give metric= something that has a best value, or add a constant to the loss."
        raise invalid(reason, "losses that are positive", remedy)
    if not all(map(math.isfinite, losses)):
        return math.inf, math.inf
    floor = _floor(losses)
    logs = [math.log(max(loss, floor)) for loss in losses]
    return _mean(logs), _mean(logs[len(logs) // 2 :])


def unscorable(losses: Sequence[float]) -> str:
    """Why these batch losses have no scores, in a few words; empty where they have.

    Losses must be positive for a logarithm, apart from zeros and rounding errors about them.
    Losses that are not finite do have scores, the worst ones.
    """
    if not losses:
        return "a training without a step"
    finite = [loss for loss in losses if math.isfinite(loss)]
    lowest = min(finite, default=0.0)
    if lowest < -_floor(finite):
        return f"negative losses, down to {lowest:.4g}, which have no logarithm"
    return ""


def metric_score(value: float, *, higher_is_better: bool) -> float:
    """A metric as a score: negated where higher is better, infinite where it is not finite."""
    if not math.isfinite(value):
        return math.inf
    return _rounded(-value if higher_is_better else value)


def kept_points(
    steps: Sequence[int], losses: Sequence[float]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The points of a curve that are stored: the first ten, then evenly spaced up to the last.

    Returns:
        At most 64 steps and their losses.
    """
    count = len(steps)
    if count <= KEPT_POINTS:
        return tuple(steps), tuple(losses)
    rest = KEPT_POINTS - FIRST_STEPS
    far = (FIRST_STEPS - 1 + round(i * (count - FIRST_STEPS) / rest) for i in range(1, rest + 1))
    kept = [*range(FIRST_STEPS), *far]
    return tuple(steps[i] for i in kept), tuple(losses[i] for i in kept)


def _floor(losses: Sequence[float]) -> float:
    largest = max(map(abs, losses), default=0.0)
    return max(FLOOR_SHARE * largest, sys.float_info.min)


def _mean(values: Sequence[float]) -> float:
    return _rounded(math.fsum(values) / len(values))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
