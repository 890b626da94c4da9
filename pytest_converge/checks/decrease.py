"""Gates: the loss falls by a share of its initial value, and does so without large rises."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import beyond, counted, number, share
from pytest_converge.core.numbers import loss as loss_text
from pytest_converge.core.record import TrainingRecord

__all__ = [
    "RISEN",
    "loss_decreases",
    "loss_falls_monotonically",
    "may_rise_between",
    "range_of_noise",
]

#: The code of a loss that rises on its way.
RISEN = "not-monotone"

#: How far the loss may stand above its running minimum, as a share of the whole drop. The largest
#: rise among 816 healthy runs was 13 %; flat, reversed, oscillating and U-shaped curves exceed it.
LARGEST_DRAW_UP = 0.15
#: The share of checkpoints at which it may stand higher, provided that it comes down again. Deep
#: networks under momentum and cyclical rates have spikes over up to 18 % of a run that ends at its
#: minimum (corpus of 28 healthy and 56 repaired trainings); oscillation without progress stands
#: above that line for 40 % of a run and more.
LONGEST_RISE = 0.25
#: The range of noise on the course of batch losses, in its standard deviations: of 32 normal values
#: it is 4.1 in the mean (Tippett 1925), of medians of three neighbours less.
NOISE_RANGE = 4.0
#: From the median of absolute differences of neighbours to the deviation of one, for normal noise.
DEVIATION = 1 / (0.6745 * math.sqrt(2))
#: Fewer losses tell nothing of their noise.
FEWEST_COMPARED = 5
#: Relative size of a rise that float32 arithmetic alone can make between two checkpoints.
ROUNDING = 1e-6


def loss_decreases(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """At least `min_decrease` of the initial loss is gone at the end."""
    demanded = expectation.required_decrease
    first, last = record.curve.first, record.curve.last
    if demanded is None or not (math.isfinite(first) and math.isfinite(last)):
        return None
    drop = first - last
    if drop >= demanded * abs(first) and (drop > 0 or demanded == 0):
        return None
    gone = drop / abs(first) if first else 0.0
    fell = f"fell by {share(gone)}" if drop > 0 else "did not fall"
    message = (
        f"the loss {fell} in {counted(record.curve.updates, 'step')}"
        f" ({loss_text(first)} to {loss_text(last)}),"
        f" min_decrease={number(demanded)}"
    )
    return Finding(
        code="not-decreasing",
        message=message,
        evidence={"initial_loss": first, "final_loss": last, "min_decrease": demanded},
    )


def loss_falls_monotonically(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The loss falls the way `monotone` asks: "trend", "strict" or "off".

    Rises that stay below `max_loss` do not count: there the training has arrived.
    """
    at, losses = record.curve.trend
    if not _judgeable(losses) or expectation.monotone == "off":
        return None
    bound = -math.inf if expectation.max_loss is None else expectation.max_loss
    bounded = [max(loss, bound) for loss in losses]
    if expectation.monotone == "strict":
        return _strict(at, bounded)
    return _trend(at, losses, bounded, _allowed(losses, range_of_noise(record.curve)))


def may_rise_between(record: TrainingRecord, expectation: Expectation) -> bool:
    """Whether a loss that falls at few checkpoints may not at all of them.

    Of one that stands high for more than `LONGEST_RISE` of the run some checkpoint shows it; that
    it never rises, all have to.
    """
    if expectation.monotone != "trend":
        return expectation.monotone == "strict"
    _, losses = record.curve.trend
    bound = -math.inf if expectation.max_loss is None else expectation.max_loss
    above = rises([max(loss, bound) for loss in losses])
    return max(above, default=0.0) > _allowed(losses, range_of_noise(record.curve))


def median_of_three(losses: Sequence[float]) -> list[float]:
    """Each inner value replaced by the median of itself and its neighbours: single spikes go."""
    inner = [statistics.median(losses[i - 1 : i + 2]) for i in range(1, len(losses) - 1)]
    return [losses[0], *inner, losses[-1]]


def rises(losses: Sequence[float]) -> list[float]:
    """How far each loss stands above the lowest one so far; 0 at a new minimum."""
    lowest, above = math.inf, []
    for loss in losses:
        lowest = min(lowest, loss)
        above.append(loss - lowest)
    return above


def range_of_noise(curve: LossCurve) -> float:
    """How far the course of batch losses rises and falls by their noise; 0 on a probe set."""
    losses = curve.trend[1]
    if curve.checkpoints or len(losses) < FEWEST_COMPARED:
        return 0.0
    moves = [abs(after - before) for before, after in itertools.pairwise(losses)]
    return NOISE_RANGE * DEVIATION * statistics.median(moves)


def _allowed(losses: Sequence[float], noise: float) -> float:
    """How far a loss may stand above its running minimum."""
    scale = max(abs(loss) for loss in losses)
    return max(LARGEST_DRAW_UP * (losses[0] - losses[-1]), ROUNDING * scale, noise)


def _judgeable(losses: Sequence[float]) -> bool:
    return len(losses) >= 3 and all(math.isfinite(loss) for loss in losses)


def _strict(at: Sequence[int], losses: Sequence[float]) -> Finding | None:
    lowest = 0
    for index, loss in enumerate(losses):
        # Above the lowest one so far: many rises within rounding are one that is not.
        rise = loss - losses[lowest]
        if rise > ROUNDING * max(abs(loss), abs(losses[lowest])):
            message = (
                f"the loss rose from {beyond(losses[lowest], loss)}"
                f" to {beyond(loss, losses[lowest])}"
                f" between steps {at[lowest]} and {at[index]}, monotone='strict'"
            )
            return Finding(code=RISEN, message=message, evidence={"rise": rise})
        if rise <= 0:
            lowest = index
    return None


def _trend(
    at: Sequence[int], losses: Sequence[float], bounded: Sequence[float], allowed: float
) -> Finding | None:
    above, drop = rises(median_of_three(bounded)), losses[0] - losses[-1]
    high = sum(rise > allowed for rise in above) / len(above)
    if above[-1] <= allowed and high <= LONGEST_RISE:
        return None
    rise, peak = max((rise, index) for index, rise in enumerate(above))
    size = f"{share(rise / drop)} of its whole drop" if drop > 0 else "and does not end lower"
    how_long = "to the end" if above[-1] > allowed else f"for {share(high)} of the run"
    message = (
        f"the loss rose by {loss_text(rise)} up to step {at[peak]} ({size})"
        f" and stayed high {how_long}"
    )
    return Finding(
        code=RISEN,
        message=message,
        evidence={"rise": rise, "drop": drop, "step": at[peak], "share_of_run": high},
    )
