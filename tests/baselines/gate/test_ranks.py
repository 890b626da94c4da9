"""The exact p of both rank tests, against counting by hand and against SciPy's values."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from pytest_converge.baselines.gate.ranks import (
    attained,
    group_tail,
    mann_whitney_p,
    pair_tail,
    sign_p,
    sign_tail,
    signed_rank_p,
)

#: (values, baseline values, pairs in which the value is larger, p) by
#: scipy.stats.mannwhitneyu(alternative="greater", method="exact"), SciPy 1.17.
SCIPY = [
    (1, 20, 7, 0.6666666666666667),
    (3, 5, 6, 0.7142857142857143),
    (4, 20, 68, 0.014586862412949368),
    (4, 20, 73, 0.0035761340109166195),
    (11, 20, 49, 0.9952710517009014),
    (11, 20, 130, 0.213445847087091),
    (11, 20, 189, 0.0003175890490297803),
    (11, 20, 204, 1.0499299564444411e-05),
]


def sample(count, total, pairs):
    """Values that exceed `pairs` of the numbers 0 to `total` - 1, ties excluded."""
    values = []
    for number in range(count):
        above = min(total, pairs - sum(int(value + 1) for value in values))
        values.append(above - 0.5 + number / 100)
    return values


def by_enumeration(worse, baseline):
    """The same probability by going through every way to divide as many different values."""
    larger = sum(a > b for a, b in itertools.product(worse, baseline))
    pooled = range(len(worse) + len(baseline))
    ways = [
        sum(a > b for a, b in itertools.product(chosen, set(pooled) - set(chosen)))
        for chosen in itertools.combinations(pooled, len(worse))
    ]
    return sum(way >= larger for way in ways) / len(ways)


@pytest.mark.parametrize(("count", "total", "pairs", "p"), SCIPY)
def test_p_is_that_of_scipy(count, total, pairs, p):
    values, baseline = sample(count, total, pairs), list(range(total))
    assert sum(a > b for a, b in itertools.product(values, baseline)) == pairs
    assert mann_whitney_p(values, baseline) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("kinds", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(("count", "total"), [(1, 6), (2, 4), (3, 5), (4, 4), (5, 2)])
def test_p_is_that_of_counting_every_division_where_ties_are_no_worse(count, total, kinds):
    draw = random.Random(f"{count} {total} {kinds}")
    for _ in range(10):
        worse = [float(draw.randrange(kinds)) for _ in range(count)]
        baseline = [float(draw.randrange(kinds)) for _ in range(total)]
        expected = by_enumeration(worse, baseline)
        assert mann_whitney_p(worse, baseline) == pytest.approx(expected, rel=1e-12)


def test_infinities_are_above_everything_but_each_other():
    worse, baseline = [math.inf, 1.0, 5.0], [math.inf, 2.0, 0.0, -math.inf]
    assert mann_whitney_p(worse, baseline) == mann_whitney_p([8, 1, 5], [9, 2, 0, -9])


@pytest.mark.parametrize(("count", "total"), [(1, 20), (4, 20), (11, 20)])
def test_p_reaches_from_one_in_all_divisions_to_one(count, total):
    above, below = [100.0 + i for i in range(count)], [-100.0 - i for i in range(count)]
    baseline = [float(i) for i in range(total)]
    assert mann_whitney_p(above, baseline) == 1 / math.comb(count + total, count)
    assert mann_whitney_p(below, baseline) == 1.0
    assert mann_whitney_p([7.0] * count, [7.0] * total) == 1.0


#: (sum of the ranks of positive ones, of how many, p) by
#: scipy.stats.wilcoxon(alternative="greater", method="exact"), SciPy 1.17.
SCIPY_PAIRS = [
    (66, 11, 0.00048828125),
    (53, 11, 0.04150390625),
    (105, 20, 0.5072822570800781),
    (167, 20, 0.009616851806640625),
    (197, 20, 8.392333984375e-05),
    (210, 20, 9.5367431640625e-07),
]


def signed(rank_sum, count):
    """Numbers of the sizes 1 to `count`, the positive ones of which have this sum."""
    values = []
    for size in range(count, 0, -1):
        positive = size <= rank_sum
        rank_sum -= size if positive else 0
        values.append(size if positive else -size)
    return values


@pytest.mark.parametrize(("rank_sum", "count", "p"), SCIPY_PAIRS)
def test_p_of_pairs_is_that_of_scipy(rank_sum, count, p):
    assert signed_rank_p(signed(rank_sum, count)) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_p_of_pairs_is_that_of_counting_all_signs(count):
    sizes = range(1, count + 1)
    sums = [
        sum(size for size, sign in zip(sizes, signs, strict=True) if sign > 0)
        for signs in itertools.product((1, -1), repeat=count)
    ]
    for rank_sum in range(count * (count + 1) // 2 + 1):
        expected = sum(one >= rank_sum for one in sums) / len(sums)
        assert signed_rank_p(signed(rank_sum, count)) == pytest.approx(expected, rel=1e-12)


def test_ties_zeros_and_what_is_no_number_speak_for_no_worse():
    assert signed_rank_p([0.0] * 20) == signed_rank_p([math.nan] * 20) == 1.0
    assert signed_rank_p([2.0, 2.0, -2.0]) == signed_rank_p([1.0, 2.0, -3.0])
    assert signed_rank_p([math.inf, -math.inf, 1.0]) == signed_rank_p([2.0, -3.0, 1.0])
    assert signed_rank_p([math.inf] * 20) == 2**-20


def test_p_of_signs_is_that_of_coins():
    assert sign_p([1.0] * 20) == 2**-20
    assert sign_p([*[1e-9] * 19, -9.0]) == 21 / 2**20
    assert sign_p([*[math.inf] * 18, 0.0, math.nan]) == (190 + 21) / 2**20
    assert sign_p([-1.0, 0.0]) == 1.0


def test_what_is_attained_is_the_largest_p_that_is_not_above_a_limit():
    tail = (1.0, 0.5, 0.2, 0.05)
    assert [attained(tail, limit) for limit in (0.01, 0.05, 0.3, 1.0)] == [0.0, 0.05, 0.2, 1.0]


def test_both_sides_overlap_in_the_observed_outcome():
    worse, baseline = sample(4, 20, 60), [float(i) for i in range(20)]
    mirrored = mann_whitney_p([-value for value in worse], [-value for value in baseline])
    beyond = mann_whitney_p(sample(4, 20, 61), baseline)
    assert mirrored == pytest.approx(1 - beyond, rel=1e-12)


def test_the_order_of_the_values_does_not_matter():
    draw = random.Random(3)
    worse, baseline = [1.0, 1.0, 4.0, 2.0], [2.0, 1.0, 0.0, 4.0, 9.0]
    expected = mann_whitney_p(worse, baseline)
    for _ in range(5):
        draw.shuffle(worse)
        draw.shuffle(baseline)
        assert mann_whitney_p(worse, baseline) == expected


def test_tails_that_no_call_before_left_behind_are_those_of_counting_by_hand():
    assert group_tail.__wrapped__(2, 1) == (1.0, 2 / 3, 1 / 3)
    assert group_tail.__wrapped__(2, 2) == (1.0, 5 / 6, 4 / 6, 2 / 6, 1 / 6)
    assert pair_tail.__wrapped__(2) == (1.0, 0.75, 0.5, 0.25)
    assert sign_tail.__wrapped__(3) == (1.0, 7 / 8, 4 / 8, 1 / 8)
