"""What the gate promises: its false-alarm probability, and the settings that allow it."""

from __future__ import annotations

import math

from pytest_converge.core.errors import invalid, shown

__all__ = ["LOOKS", "SEEDS", "false_alarm", "p_limit", "require_alpha", "require_tolerance"]

#: Runs of a baseline, and the runs after which the gate looks: with one, four and eleven new runs
#: against 20, it saw every tried regression of 29 % in the final loss (9,500 real trainings).
SEEDS, LOOKS = 20, (1, 4, 11)
#: An exact p of the last look may be at most this share of alpha on each score: the rest is for
#: the look before and the pairs of seeds.
P_SHARE = 0.1
#: A gate that is wrong more than once in twenty runs is none.
MOST_ALPHA = 0.05
#: A tolerance of 100 % would let pass a loss that doubled.
MOST_TOLERANCE = 1.0


def p_limit(alpha: float) -> float:
    """The p value at or below which the last look fails on a score."""
    return P_SHARE * alpha


def false_alarm(alpha: float, scores: int) -> float:
    """A bound on the probability that unchanged code fails, whatever the scores' distribution.

    The sum over all that can fail: at four runs all of them above all 20, which is one of
    binomial(24, 4) equally likely outcomes on each score; at eleven an exact p on each score; and
    all eleven worse than their own seeds, at most 2^-11. Seeds are exchangeable between the
    baseline and the new runs, so the bound is an average over baselines.
    """
    ranks = scores / math.comb(SEEDS + LOOKS[1], LOOKS[1])
    return ranks + scores * p_limit(alpha) + _pairs()


def least_alpha(scores: int = 2) -> float:
    """The smallest alpha that bounds the false alarms of the procedure, 8.5e-4 for two scores."""
    fixed = false_alarm(0.0, scores)
    return fixed / (1 - scores * P_SHARE)


def require_alpha(alpha: float) -> None:
    """Refuses an alpha that the gate cannot keep, or that is no gate.

    Raises:
        InvalidTrainingError: it is not a number from `least_alpha()` to `MOST_ALPHA`.
    """
    least = least_alpha()
    if not _is_number(alpha) or not least <= alpha <= MOST_ALPHA:
        expected = f"a number from {least:.2g} to {MOST_ALPHA:g}"
        remedy = "Four and eleven runs against 20 cannot be wrong less often than the least."
        raise invalid(f"alpha={shown(alpha)}", expected, remedy)


def require_tolerance(tolerance: float) -> None:
    """Refuses a tolerance that is no share.

    Raises:
        InvalidTrainingError: it is not a number from 0 to `MOST_TOLERANCE`.
    """
    if not _is_number(tolerance) or not 0 <= tolerance <= MOST_TOLERANCE:
        expected = f"a share from 0 to {MOST_TOLERANCE:g}"
        remedy = "0.05 lets pass what is up to 5 % worse."
        raise invalid(f"tolerance={shown(tolerance)}", expected, remedy)


def _pairs() -> float:
    """All of the last look's runs worse than their own seeds: a coin's toss for each at most."""
    return float(0.5 ** LOOKS[-1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
