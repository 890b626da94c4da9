"""When a training of a sweep may be broken off: its course leaves no hope to reach the target.

Pure arithmetic on courses, which are (updates done, loss) from the start on. A wrong cut costs
accuracy of an edge, never a wrong pass: what passes was always trained to its end.
"""

from __future__ import annotations

import itertools
import math

from pytest_converge.core.curve import LossPoints

__all__ = ["behind", "forecast_misses", "hit", "levelled", "stuck"]

#: A low rate follows the path of a higher one at a speed in proportion; the speed and the progress
#: may be twice those before a miss is certain.
SLACK = 2.0
#: Progress that is none, or a standstill, as a share of the way from the first loss to the target.
NOTHING = 0.05
#: A loss that falls by this factor within half of the steps so far is on its way back.
RECOVERING = 0.7


def hit(course: LossPoints, target: float) -> float | None:
    """The number of updates, interpolated, at which the loss first reaches the target, or None."""
    first = next((index for index, (_, loss) in enumerate(course) if loss <= target), None)
    if not first:
        return None if first is None else float(course[0][0])
    (a, before), (b, after) = course[first - 1], course[first]
    if before > 0 and after > 0 and target > 0:  # losses fall by factors rather than by amounts
        before, after, target = math.log(before), math.log(after), math.log(target)
    if not math.isfinite(before) or before == after:
        return float(b)
    return a + (b - a) * (before - target) / (before - after)


def levelled(course: LossPoints, first: float, last: float) -> LossPoints:
    """The course, brought to the level of its first and last loss on the whole probe set.

    Between the ends the loss is known on a part alone, whose rows are easier or harder.
    """
    steps = course[-1][0]
    if not steps or not min(first, last, course[0][1], course[-1][1]) > 0:
        return course
    low, high = math.log(first / course[0][1]), math.log(last / course[-1][1])
    return tuple(
        (step, loss * math.exp(low + (high - low) * step / steps)) for step, loss in course
    )


def forecast_misses(course: LossPoints, followed: LossPoints, ratio: float, target: float) -> bool:
    """True where a lower rate follows the path of a higher one, too slowly to reach the target.

    On the path of a gradient flow the time is steps times rate, so that n steps at rate r lead
    where n r / R steps at rate R do. Steps of Adam and momentum are in proportion to the rate too.

    Args:
        course: of the lower rate, so far.
        followed: of the higher rate, which passed, to its end.
        ratio: the higher rate over the lower one.
        target: the loss to reach.
    """
    if _best_until(followed, SLACK * followed[-1][0] / ratio, target) >= 1.0:
        return False
    there = _best_until(followed, SLACK * course[-1][0] / ratio, target)
    return _best_until(course, math.inf, target) <= there + NOTHING


def stuck(course: LossPoints, target: float, steps: int) -> bool:
    """True where a quarter of the steps led nowhere, or an eighth far upwards, without a return.

    Args:
        course: so far.
        target: the loss to reach.
        steps: of a whole run.
    """
    done = course[-1][0]
    shares = [share for _, share in _shares(course, target)[1:]]
    if done < steps / 8 or not shares or _recovers(course):
        return False
    return max(shares) < (NOTHING if done >= steps / 4 else -1.0)


def behind(course: LossPoints, followed: LossPoints, target: float, steps: int) -> bool:
    """True where a higher rate is far behind a lower one that passed, and does not catch up.

    Args:
        course: of the higher rate, so far.
        followed: of the lower rate, to its end.
        target: the loss to reach.
        steps: of a whole run.
    """
    done = course[-1][0]
    if done < steps / 8 or _recovers(course):
        return False
    now = _best_until(course, math.inf, target)
    other = _best_until(followed, done, target)
    if done < steps / 4:
        return now < NOTHING and now < other / 8
    return now < other / 2 and now - _best_until(course, done / 2, target) < NOTHING


def _shares(course: LossPoints, target: float) -> list[tuple[int, float]]:
    """(updates, share of the way from the first loss to the target): 1 where it is reached."""
    first = course[0][1]
    way = first - target
    if not way > 0:
        return [(step, 1.0) for step, _ in course]
    shares = [(step, (first - loss) / way) for step, loss in course]
    return [(step, share if math.isfinite(share) else -math.inf) for step, share in shares]


def _best_until(course: LossPoints, until: float, target: float) -> float:
    """The largest share of the way up to a step, interpolated."""
    best = 0.0
    for (a, before), (b, after) in itertools.pairwise(_shares(course, target)):
        if b <= until:
            best = max(best, after)
        elif a < until and math.isfinite(before + after):
            best = max(best, before + (after - before) * (until - a) / (b - a))
    return best


def _recovers(course: LossPoints) -> bool:
    """True where the loss falls fast, as after the leap that a high rate takes at first."""
    done, loss = course[-1]
    earlier = [value for step, value in course if step <= done / 2]
    return 0 < loss < RECOVERING * earlier[-1]
