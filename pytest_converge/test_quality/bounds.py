"""Bounds on the final loss from the losses of several starts, and the steps that suit them.

A bound that fresh starts exceed with a stated probability is a prediction limit. For n normal
observations with mean m and standard deviation s the next one exceeds

    m + t(n - 1; 1 - alpha) s sqrt(1 + 1 / n)

with probability alpha (Hahn and Meeker 1991, Statistical Intervals, section 4.7). Final losses of
healthy trainings are skewed to the right, so that logarithms are taken: of the loss where it is
positive, else of its distance from a floor below all losses. What skew is left is allowed for.
Whatever the distribution, the next of n + 1 exchangeable observations is the largest with
probability at most 1 / (n + 1) (Wilks 1941), so that no bound below the largest loss is proposed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from pytest_converge.core.calibration import ENOUGH_POWER, Candidate, LossBound
from pytest_converge.core.expectation import DEFAULT_MIN_DECREASE

__all__ = ["FALSE_ALARM", "bound_of", "choose", "t_quantile", "t_tail"]

#: The probability with which a start of unchanged code may exceed a bound: that of baselines.
FALSE_ALARM = 1e-3
#: How much oftener real losses may exceed such a limit than log-normal ones: so 21 of 33 bounds of
#: eleven trainings keep the stated 0.1 %, with a median of 0.05 % (benchmarks/calibration.py, on
#: the trainings by which it was chosen).
SKEWED = 5.0
#: Keeps the floor below the lowest loss where more than half of the losses are the lowest.
NARROWEST = 1e-3
#: Fewer distinct losses than this have no distribution to speak of: a training that ends in one
#: of a few minima, or whose start does not depend on the seed.
FEWEST_DISTINCT = 5
#: What other machines and versions may make of the last digits of a loss that no seed changes.
ROUNDING = 0.01
#: Resolution of float32, in which losses are computed, as a share of the initial loss.
RESOLUTION = 2.0**-23
#: The exponential of a larger number is no float.
LARGEST_LOG = 700.0
#: Significant digits of a bound: as many as people type.
DIGITS = 3


def bound_of(
    losses: Sequence[float], initial: float, *, alpha: float = FALSE_ALARM
) -> LossBound | None:
    """The bound that a fresh start exceeds with probability `alpha`.

    Args:
        losses: final losses of several starts.
        initial: the loss before any of them was trained.
        alpha: the probability wanted, above 0 and below 0.5.

    Returns:
        None where a loss is not finite, and where a model that was hardly trained would pass.
    """
    if not all(map(math.isfinite, [*losses, initial])):
        return None
    largest, ceiling = max(losses), 1 / (len(losses) + 1)
    least = largest + max(ROUNDING * abs(largest), RESOLUTION * abs(initial))
    if len(set(losses)) < FEWEST_DISTINCT:
        bound = LossBound(
            max_loss=_rounded_up(least), basis="largest", false_alarm=ceiling, ceiling=ceiling
        )
    else:
        bound = _normal_bound(losses, least, alpha, ceiling)
    demands = bound.max_loss <= initial - DEFAULT_MIN_DECREASE * abs(initial)
    return bound if demands else None


def _normal_bound(losses: Sequence[float], least: float, alpha: float, ceiling: float) -> LossBound:
    """The prediction limit of nearly normal logarithms, but no bound below `least`."""
    positive = min(losses) > 0
    floor = 0.0 if positive else _floor(losses)
    allowance = SKEWED if positive else 1.0
    values = [math.log(loss - floor) for loss in losses]
    mean, freedom = statistics.fmean(values), len(values) - 1
    reach = _spread(values) * math.sqrt(1 + 1 / len(values))
    limit = mean + t_quantile(1 - alpha / allowance, freedom) * reach
    bound = _rounded_up(max(floor + math.exp(min(limit, LARGEST_LOG)), least))
    distance = (math.log(bound - floor) - mean) / reach
    return LossBound(
        max_loss=bound,
        basis="log" if positive else "shifted",
        false_alarm=min(allowance * t_tail(distance, freedom), ceiling),
        ceiling=ceiling,
    )


def _floor(losses: Sequence[float]) -> float:
    """A value below all losses, as far below the lowest as makes their logarithms even."""
    lowest, spread = min(losses), max(losses) - min(losses)
    return lowest - max((statistics.median(losses) - lowest) / 2, NARROWEST * spread)


def _spread(values: Sequence[float]) -> float:
    """The standard deviation, or that of the upper half around the median if it is larger."""
    middle = statistics.median(values)
    above = [(value - middle) ** 2 for value in values if value > middle]
    upper = math.sqrt(statistics.fmean(above)) if above else 0.0
    return max(statistics.stdev(values), upper)


def choose(candidates: Sequence[Candidate], change: str) -> Candidate | None:
    """The fewest steps that catch a change often enough, else those that catch most of all changes.

    Args:
        candidates: by rising number of steps; one that unchanged starts fail is not chosen.
        change: the change that has to be caught; where it was not made, all others count.
    """
    able = [each for each in candidates if each.bound is not None and not each.red]

    def of_all(candidate: Candidate) -> float:
        caught: Mapping[str, float] = candidate.power
        return statistics.fmean(caught.values()) if caught else 0.0

    enough = (each for each in able if each.power.get(change, of_all(each)) >= ENOUGH_POWER)
    return next(enough, max(able, key=of_all, default=None))


def t_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t exceeds with probability 1 - `probability`, by bisection."""
    tail = 1 - probability
    if tail > 0.5:
        return -t_quantile(tail, freedom)
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return high


def t_tail(value: float, freedom: int) -> float:
    """The probability that Student's t exceeds a value.

    In closed form for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4):
    a finite sum of powers of the cosine of arctan(t / sqrt(freedom)). Sums of positive terms that
    end near one half keep about 1e-16, so that tails down to 1e-12 are good to four digits.
    """
    if value < 0:
        return 1 - t_tail(-value, freedom)
    angle = math.atan2(value, math.sqrt(freedom))
    square = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for power in range(2 + odd, freedom + 1, 2):
        total += term
        term *= square * (power - 1) / power
    central = math.sin(angle) * total
    if odd:
        central = 2 / math.pi * (angle + central)
    return max(0.0, (1 - central) / 2)


def _rounded_up(value: float) -> float:
    """The next number of three significant digits that is not below."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = math.floor(math.log10(abs(value))) - DIGITS + 1
    rounded = float(f"{value:.{DIGITS - 1}e}")
    if rounded < value:
        rounded = float(f"{rounded + 10.0**unit:.{DIGITS - 1}e}")
    return rounded
