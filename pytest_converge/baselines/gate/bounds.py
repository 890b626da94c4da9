"""What the gate promises: its false-alarm probability, and the settings that allow it."""

from __future__ import annotations

from pytest_converge.baselines.gate.ranks import attained, group_tail, pair_tail, sign_tail
from pytest_converge.core.errors import invalid, shown

__all__ = [
    "LOOKS",
    "RANK_LOOKS",
    "SEEDS",
    "false_alarm",
    "least_alpha",
    "pairs_limit",
    "rank_limit",
    "require_alpha",
    "require_tolerance",
    "signs_limit",
]

#: Runs of a baseline, and the runs after which the gate looks: the last look has all the evidence
#: that there can be. To let pass costs no false alarm, so there are many looks that can do no more.
#: With those at 1, 4, 11 and 20 alone unchanged code took 3.4 runs in place of 2.3 where scores
#: spread by 0.2, and of what is hard to see 1 to 3 % more was red (docs/bound-of-the-gate.md).
SEEDS, LOOKS = 20, (1, 2, 3, 4, 6, 8, 11, 15, 20)
#: The looks that fail by ranks; the last one fails by pairs.
RANK_LOOKS = (4, 11)
#: What an exact p may be at most, as a share of alpha: on each score after four and after eleven
#: runs, and of the pairs of seeds at the end, by their ranks and by their signs (19 of 20 happen in
#: 2.0e-5, which is within the share of the default). With two scores the sum is half of alpha. The
#: other half is for what all runs of a session have in common: where that varies by a quarter of
#: the seeds' spread, simulated false alarms stay below alpha (benchmarks/baseline.py, `sessions`).
RANK_SHARE, PAIRS_SHARE, SIGNS_SHARE = 0.1, 0.075, 0.025
#: A gate that is wrong more than once in twenty runs is none.
MOST_ALPHA = 0.05
#: A tolerance of 100 % would let pass a loss that doubled.
MOST_TOLERANCE = 1.0


def rank_limit(alpha: float) -> float:
    """The p at or below which the ranks of four or eleven runs fail on a score."""
    return RANK_SHARE * alpha


def pairs_limit(alpha: float) -> float:
    """The p at or below which the pairs of all seeds fail by the ranks of their differences."""
    return PAIRS_SHARE * alpha


def signs_limit(alpha: float) -> float:
    """The p at or below which the pairs of all seeds fail by the signs of their differences."""
    return SIGNS_SHARE * alpha


def false_alarm(alpha: float, scores: int) -> float:
    """A bound on the probability that unchanged code fails, whatever the scores' distribution.

    The sum over all that can fail: the exact p of the ranks on each score after four and after
    eleven runs, and those of the pairs after all. Each is what its test attains below its limit.
    Seeds are exchangeable between the baseline and the new runs, so the bound is an average over
    baselines. The proof is in docs/bound-of-the-gate.md.
    """
    ranks = (attained(group_tail(look, SEEDS), rank_limit(alpha)) for look in RANK_LOOKS)
    pairs = attained(pair_tail(SEEDS), pairs_limit(alpha))
    return scores * sum(ranks) + pairs + attained(sign_tail(SEEDS), signs_limit(alpha))


def least_alpha() -> float:
    """The smallest alpha with which the last look can fail: 20 of 20 pairs happen in 2^-20."""
    return float(0.5**SEEDS / PAIRS_SHARE)


def require_alpha(alpha: float) -> None:
    """Refuses an alpha that the gate cannot keep, or that is no gate.

    Raises:
        InvalidTrainingError: it is not a number from `least_alpha()` to `MOST_ALPHA`.
    """
    least = least_alpha()
    if not _is_number(alpha) or not least <= alpha <= MOST_ALPHA:
        expected = f"a number from {least:.2g} to {MOST_ALPHA:g}"
        remedy = "Twenty pairs of runs cannot be wrong less often than the least."
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
