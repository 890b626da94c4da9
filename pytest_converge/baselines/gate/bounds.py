"""What the gate promises: its false-alarm probability, and the settings that allow it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pytest_converge.baselines.gate.ranks import attained, group_tail, pair_tail, sign_tail
from pytest_converge.core.errors import invalid, shown

__all__ = [
    "LOOKS",
    "SEEDS",
    "SHARES",
    "Limits",
    "false_alarm",
    "least_alpha",
    "limits_at",
    "require_alpha",
    "require_tolerance",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an exact p may be at most for a look to fail; none is as low as 0.

    Attributes:
        ranks: of the ranks on each score.
        pairs: of the pairs of equal seeds, by the ranks of their differences.
        signs: of the same pairs, by the signs of their differences.
    """

    ranks: float = 0.0
    pairs: float = 0.0
    signs: float = 0.0


#: Runs of a baseline, and the runs after which the gate looks: the last look has all the evidence
#: that there can be. To let pass costs no false alarm, so there are many looks that can do no more.
SEEDS, LOOKS = 20, (1, 2, 3, 4, 6, 8, 11, 13, 16, 20)
#: What the looks that fail take as shares of alpha, which with two scores sum to 0.68 of it. The
#: rest is for what all runs of a session have in common: where that varies by a quarter of the
#: seeds' spread, simulated false alarms stay below alpha (benchmarks/baseline.py, `sessions`), and
#: it is the pairs of all seeds that they come from. 13 pairs are all worse in 1.2e-4, 19 of 20 in
#: 2.0e-5: each is within its share of the default.
SHARES: Mapping[int, Limits] = {
    4: Limits(ranks=0.1),
    8: Limits(ranks=0.025),
    11: Limits(ranks=0.1),
    13: Limits(pairs=0.13),
    SEEDS: Limits(pairs=0.075, signs=0.025),
}
#: A gate that is wrong more than once in twenty runs is none.
MOST_ALPHA = 0.05
#: A tolerance of 100 % would let pass a loss that doubled.
MOST_TOLERANCE = 1.0


def limits_at(look: int, alpha: float) -> Limits:
    """What the look after so many runs fails at; nothing where it can only let pass."""
    shares = SHARES.get(look, Limits())
    return Limits(
        ranks=shares.ranks * alpha, pairs=shares.pairs * alpha, signs=shares.signs * alpha
    )


def false_alarm(alpha: float, scores: int) -> float:
    """A bound on the probability that unchanged code fails, whatever the scores' distribution.

    The sum over all that can fail: the exact p of the ranks on each score and those of the pairs,
    at each look. Each is what its test attains below its limit. Seeds are exchangeable between the
    baseline and the new runs, so the bound is an average over baselines. The proof is in
    docs/bound-of-the-gate.md.
    """
    return sum(_attained(look, limits_at(look, alpha), scores) for look in SHARES)


def least_alpha() -> float:
    """The smallest alpha with which the last look can fail: 20 of 20 pairs happen in 2^-20."""
    return float(0.5**SEEDS / SHARES[SEEDS].pairs)


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


def _attained(look: int, limits: Limits, scores: int) -> float:
    ranks = attained(group_tail(look, SEEDS), limits.ranks)
    pairs = attained(pair_tail(look), limits.pairs) + attained(sign_tail(look), limits.signs)
    return scores * ranks + pairs
