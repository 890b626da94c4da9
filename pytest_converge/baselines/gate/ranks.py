"""Exact tests that hold for any distribution: ranks of two groups, ranks and signs of pairs.

All count what is strictly larger, so that ties and opposite infinities speak for "no worse", and
all take the distribution of continuous values. A test that adds a tolerance to one side can only
count less than without it, so that its p keeps its meaning (docs/bound-of-the-gate.md).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence

__all__ = [
    "attained",
    "group_tail",
    "mann_whitney_p",
    "pair_tail",
    "sign_p",
    "sign_tail",
    "signed_rank_p",
]


def mann_whitney_p(worse: Sequence[float], baseline: Sequence[float]) -> float:
    """The probability of `worse` ranking as high as it does, or higher, by chance alone.

    The one-sided Mann-Whitney test (Annals of Mathematical Statistics 18, 1947) of whether the
    values of `worse` tend to be larger: the number of pairs, one of each group, in which they are.

    Args:
        worse: the values that may be larger; no NaN.
        baseline: the values they are compared with; no NaN.

    Returns:
        p, from 1 / binomial(n + m, n) to 1.
    """
    larger = sum(one > other for one in worse for other in baseline)
    return group_tail(len(worse), len(baseline))[larger]


def signed_rank_p(differences: Sequence[float]) -> float:
    """The probability of so many and so large positive differences by chance alone.

    The one-sided signed-rank test (F. Wilcoxon, Biometrics Bulletin 1, 1945) of whether values
    tend to be above zero, by the number of positive sums of two of them, each with itself too
    (J. W. Tukey, 1949). That number is the sum of the ranks of the positive ones.

    Args:
        differences: of a pair each. A NaN counts as neither.

    Returns:
        p, from 2^-n to 1.
    """
    pairs = itertools.combinations_with_replacement(differences, 2)
    return pair_tail(len(differences))[sum(one + other > 0 for one, other in pairs)]


def sign_p(differences: Sequence[float]) -> float:
    """The probability of so many positive differences by chance alone, whatever their sizes.

    The one-sided sign test (J. Arbuthnot, 1710): where a stray one outweighs all others, signs
    still tell.
    """
    return sign_tail(len(differences))[sum(one > 0 for one in differences)]


def attained(tail: Sequence[float], limit: float) -> float:
    """The largest p of a test that is not above a limit: how often it is, by chance; 0 if none."""
    return max((p for p in tail if p <= limit), default=0.0)


@functools.cache
def group_tail(count: int, others: int) -> tuple[float, ...]:
    """For each number of pairs, the probability of as many or more between two such groups."""
    ways = list(_larger_pairs(count, others))
    return _tail(ways)


@functools.cache
def pair_tail(count: int) -> tuple[float, ...]:
    """For each sum of ranks, the probability that the positive of so many values reach it."""
    ways = [1]
    for rank in range(1, count + 1):
        without, with_it = [*ways, *[0] * rank], [*[0] * rank, *ways]
        ways = [sum(pair) for pair in zip(without, with_it, strict=True)]
    return _tail(ways)


@functools.cache
def sign_tail(count: int) -> tuple[float, ...]:
    """For each number of positive values of so many, the probability of as many or more."""
    return _tail([math.comb(count, positive) for positive in range(count + 1)])


@functools.cache
def _larger_pairs(count: int, others: int) -> tuple[int, ...]:
    """In how many orders of two groups so many pairs have the larger value in the first one."""
    if not count or not others:
        return (1,)
    # The largest of all values is one of the first group, or one of the second.
    first = [*[0] * others, *_larger_pairs(count - 1, others)]
    second = [*_larger_pairs(count, others - 1), *[0] * count]
    return tuple(sum(pair) for pair in zip(first, second, strict=True))


def _tail(ways: Iterable[int]) -> tuple[float, ...]:
    """The share of the ways at each place or behind it."""
    behind = list(itertools.accumulate(reversed(list(ways))))[::-1]
    return tuple(number / behind[0] for number in behind)
