"""What the scores of recorded runs are, in names and numbers that people read."""

from __future__ import annotations

import decimal
import math
import statistics
from collections.abc import Sequence

from pytest_converge.core.baseline import Baseline, StoredRun

__all__ = [
    "CURVE_SCORES",
    "end_losses",
    "loss_band",
    "loss_of",
    "losses_by_step",
    "median",
    "named_scores",
]

#: What is ranked of a loss curve, in the order of the scores.
CURVE_SCORES = ("whole curve", "last half")
#: Beyond these logarithms no double is finite, or greater than 0: ln(2^1024), ln(2^-1075).
LARGEST_LOG, SMALLEST_LOG = 709.782712893384, -745.1332191019412
#: Digits in which a loss is reckoned, more than any double has.
_EXACT = decimal.Context(prec=28)


def named_scores(training: Baseline) -> list[tuple[str, list[float]]]:
    """The name and the runs' values of each score.

    Scores of losses are mean logarithms, given as the geometric mean losses that they are of.
    """
    columns = list(zip(*(run.scores for run in training.runs), strict=True))
    if len(columns) == 1:
        return [(str(training.settings.get("metric") or "metric"), list(columns[0]))]
    pairs = zip(CURVE_SCORES, columns, strict=True)
    return [(name, list(map(loss_of, column))) for name, column in pairs]


def end_losses(training: Baseline) -> tuple[list[float], list[float]]:
    """The first and the last batch loss of each run; what is not finite counts as infinite."""
    first, last = ([run.losses[end] for run in training.runs] for end in (0, -1))
    return list(map(_worst, first)), list(map(_worst, last))


def losses_by_step(runs: Sequence[StoredRun]) -> dict[int, list[float]]:
    """The batch loss of each run at every kept step of the longest one.

    A run that broke off, or is not finite, counts as infinite.
    """
    longest = max(runs, key=lambda run: len(run.steps)).steps
    found = [dict(zip(run.steps, run.losses, strict=True)) for run in runs]
    return {step: [_worst(points.get(step, math.inf)) for points in found] for step in longest}


def loss_band(runs: Sequence[StoredRun]) -> tuple[tuple[int, float, float, float], ...]:
    """(step, lowest, median, highest batch loss) of the runs at each kept step."""
    return tuple(
        (step, min(losses), median(losses), max(losses))
        for step, losses in losses_by_step(runs).items()
    )


def loss_of(score: float) -> float:
    """The loss that a mean logarithm is of, infinite beyond all floats.

    Alike on every machine, which the exponential of the C library is not in its last digit: files
    are compared by their texts.
    """
    if score > LARGEST_LOG:
        return math.inf
    if score < SMALLEST_LOG:
        return 0.0
    return float(_EXACT.exp(decimal.Decimal(score)))


def median(values: Sequence[float]) -> float:
    """That of one of the runs, so that it is no mean with an infinite one."""
    return statistics.median_low(values)


def _worst(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
