"""The exact Mann-Whitney test, ties included, by counting in whole numbers."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

__all__ = ["mann_whitney_p"]


def mann_whitney_p(worse: Sequence[float], baseline: Sequence[float]) -> float:
    """The probability of `worse` ranking as high as it does, or higher, by chance alone.

    The one-sided Mann-Whitney test (Annals of Mathematical Statistics 18, 1947) of whether the
    values of `worse` tend to be larger. Ties share the mean of their ranks, and the probability is
    that over all ways to divide the pooled values into two groups of these sizes, each equally
    likely when both come from one distribution. So it holds for any distribution, with ties and
    infinities among the values.

    Args:
        worse: the values that may be larger; no NaN.
        baseline: the values they are compared with; no NaN.

    Returns:
        p, from 1 / binomial(n + m, n) to 1.
    """
    ties: list[int] = []
    rank_sum = 0
    before = 0
    chosen = sorted(worse)
    for value, group in itertools.groupby(sorted((*worse, *baseline))):
        size = len(list(group))
        rank_sum += _twice_the_rank(before, size) * chosen.count(value)
        ties.append(size)
        before += size
    digits, width = _rank_sums(tuple(ties), len(chosen))
    # The sum of a number's digits is its remainder by the base less one, if it is below that.
    tail = (digits >> (width * rank_sum)) % ((1 << width) - 1)
    return tail / math.comb(before, len(chosen))


def _twice_the_rank(before: int, size: int) -> int:
    """Twice the mean rank of `size` equal values with `before` smaller ones: a whole number."""
    return 2 * before + size + 1


@functools.lru_cache(maxsize=256)
def _rank_sums(ties: tuple[int, ...], count: int) -> tuple[int, int]:
    """In how many ways `count` of the pooled values have each sum of (twice the) ranks.

    Args:
        ties: sizes of the groups of equal values, by rising value.
        count: values in the first of the two groups.

    Returns:
        (a number whose digit s is the number of ways to the sum s, the width of a digit in bits).
        Adding to a sum is then a shift, and one large number does the work of a table.
    """
    total = sum(ties)
    width = math.comb(total, count).bit_length() + 1
    ways = [1] + [0] * count  # by how many values are chosen so far
    before = 0
    for size in ties:
        step = width * _twice_the_rank(before, size)
        for chosen in range(count, 0, -1):
            for some in range(1, min(size, chosen) + 1):
                ways[chosen] += math.comb(size, some) * (ways[chosen - some] << (step * some))
        before += size
    return ways[count], width
