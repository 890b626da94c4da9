"""How small a regression would have failed, given the runs that were made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from pytest_converge.baselines.gate.comparison import Comparison

__all__ = ["smallest_effect"]

#: Effects are looked for up to this difference: a factor of e^32 for losses, 32 times a metric.
FARTHEST = 32.0
#: They are found to this accuracy: 0.01 %.
ACCURACY = 1e-4


def smallest_effect(
    parts: Sequence[Comparison],
    passes: Callable[[Sequence[Comparison]], bool],
    turn: int | None = None,
) -> float | None:
    """The smallest effect, alike in all runs and scores, which would not pass.

    The new runs keep their spread and are moved until their median difference to the stored runs
    of their seeds is the effect. So what passed has a larger one than it saw, as far as its scores
    agree.

    Args:
        parts: the comparison of each score.
        passes: the rule; a worse effect never passes where a better one did not.
        turn: where a rule looks at runs that were not made: they are taken for worse by the effect
            than the stored runs of the seeds so many places further, and so for runs that share
            nothing with their own seeds. None where only those made are looked at.

    Returns:
        The effect as a ratio minus one, or None where there is none up to `FARTHEST`.
    """
    medians = [part.median_excess for part in parts]
    if not all(map(math.isfinite, medians)):
        return None

    def passes_with(difference: float) -> bool:
        moved = (
            _moved(part, part.scale.unit * difference, median, turn)
            for part, median in zip(parts, medians, strict=True)
        )
        return passes(tuple(moved))

    bracket = _bracket(passes_with)
    if bracket is None:
        return None
    low, high = bracket
    while high - low > ACCURACY:
        middle = (low + high) / 2
        if passes_with(middle):
            low = middle
        else:
            high = middle
    scale = parts[0].scale
    return scale.effect(scale.unit * high)


def _moved(part: Comparison, difference: float, median: float, turn: int | None) -> Comparison:
    moved = part.moved(difference - median)
    if turn is None:
        return moved
    count = len(part.baseline)
    others = (part.baseline[(i + turn) % count] for i in range(len(part.new), count))
    unseen = tuple(score + difference for score in others)
    return dataclasses.replace(moved, new=(*moved.new, *unseen))


def _bracket(passes_with: Callable[[float], bool]) -> tuple[float, float] | None:
    """A difference that passes and a larger one that does not, within a factor of two."""
    side = 1.0 if passes_with(0.0) else -1.0
    near, far = 0.0, side / 16
    while passes_with(far) == (side > 0):
        if abs(far) >= FARTHEST:
            return None
        near, far = far, 2 * far
    return min(near, far), max(near, far)
