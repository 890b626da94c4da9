"""The exact p of the Mann-Whitney test, against counting by hand and against SciPy's values."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from pytest_converge.baselines.gate.ranks import mann_whitney_p

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
    """The same probability by going through every way to divide the pooled values."""
    pooled = [*worse, *baseline]

    def larger(chosen):
        rest = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        pairs = itertools.product([pooled[i] for i in chosen], rest)
        return sum((a > b) + (a == b) / 2 for a, b in pairs)

    ways = [larger(chosen) for chosen in itertools.combinations(range(len(pooled)), len(worse))]
    return sum(way >= ways[0] for way in ways) / len(ways)


@pytest.mark.parametrize(("count", "total", "pairs", "p"), SCIPY)
def test_p_is_that_of_scipy(count, total, pairs, p):
    values, baseline = sample(count, total, pairs), list(range(total))
    assert sum(a > b for a, b in itertools.product(values, baseline)) == pairs
    assert mann_whitney_p(values, baseline) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("kinds", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(("count", "total"), [(1, 6), (2, 4), (3, 5), (4, 4), (5, 2)])
def test_p_is_that_of_counting_every_division_with_ties_or_without(count, total, kinds):
    draw = random.Random(f"{count} {total} {kinds}")
    for _ in range(10):
        worse = [float(draw.randrange(kinds)) for _ in range(count)]
        baseline = [float(draw.randrange(kinds)) for _ in range(total)]
        expected = by_enumeration(worse, baseline)
        assert mann_whitney_p(worse, baseline) == pytest.approx(expected, rel=1e-12)


def test_infinities_tie_with_each_other_and_are_above_everything():
    worse, baseline = [math.inf, 1.0, 5.0], [math.inf, 2.0, 0.0, -math.inf]
    finite = {math.inf: 9.0, -math.inf: -9.0}
    expected = by_enumeration(
        [finite.get(value, value) for value in worse],
        [finite.get(value, value) for value in baseline],
    )
    assert mann_whitney_p(worse, baseline) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("count", "total"), [(1, 20), (4, 20), (11, 20)])
def test_p_reaches_from_one_in_all_divisions_to_one(count, total):
    above, below = [100.0 + i for i in range(count)], [-100.0 - i for i in range(count)]
    baseline = [float(i) for i in range(total)]
    assert mann_whitney_p(above, baseline) == 1 / math.comb(count + total, count)
    assert mann_whitney_p(below, baseline) == 1.0
    assert mann_whitney_p([7.0] * count, [7.0] * total) == 1.0


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
