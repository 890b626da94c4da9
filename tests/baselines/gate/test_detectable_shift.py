"""The smallest effect that a look would have seen, where it is known."""

from __future__ import annotations

import itertools
import math

import pytest

from pytest_converge.baselines.gate.comparison import Comparison, ScoreScale
from pytest_converge.baselines.gate.detectable_shift import smallest_effect

LOSS = ScoreScale(logarithmic=True)
MOST_CALLS = 40


def part(*new, scale=LOSS):
    """New scores beside ones of zero, so that they are the excess themselves."""
    return Comparison(baseline=(0.0,) * 20, new=new, scale=scale, tolerance=0.05)


def below(bound):
    """A look that passes where the median of every score is below a bound."""
    return counted(lambda parts: all(sorted(one.new)[len(one.new) // 2] < bound for one in parts))


def counted(passes):
    """A look that is asked some 40 times at most: ten doublings, and as many halvings as it needs.

    Each asks a whole procedure.
    """
    calls = itertools.count()

    def asked(parts):
        assert next(calls) < MOST_CALLS
        return passes(parts)

    return asked


@pytest.mark.parametrize("seen", [-3.0, -0.1, 0.0, 0.02, 0.5, 7.0])
@pytest.mark.parametrize("bound", [-3.0, -0.05, -1e-3, 1e-3, 0.0625, 0.1, 1.0, 20.0])
def test_the_edge_is_found_wherever_the_runs_stand(seen, bound):
    found = smallest_effect([part(seen - 0.3, seen, seen + 0.2)], below(bound))
    assert math.log1p(found) == pytest.approx(bound, abs=1.1e-4)


def test_each_score_is_moved_to_the_same_effect():
    parts = [part(0.5, 0.7, 0.9), part(-0.2, -0.1, 0.3)]
    assert math.log1p(smallest_effect(parts, below(0.3))) == pytest.approx(0.3, abs=1.1e-4)


def test_of_a_metric_it_is_a_share_of_its_unit():
    scale = ScoreScale(logarithmic=False, unit=4.0)
    assert smallest_effect([part(1.0, scale=scale)], below(2.0)) == pytest.approx(0.5, abs=1.1e-4)


@pytest.mark.parametrize("outcome", [True, False])
def test_there_is_none_where_no_effect_changes_the_outcome(outcome):
    assert smallest_effect([part(0.1)], counted(lambda _: outcome)) is None


@pytest.mark.parametrize("bound", [-40.0, 40.0])
def test_there_is_none_beyond_what_losses_can_differ_by(bound):
    assert smallest_effect([part(0.1)], below(bound)) is None


@pytest.mark.parametrize("score", [math.inf, -math.inf])
def test_there_is_none_where_the_effect_is_not_finite(score):
    assert smallest_effect([part(score)], below(0.3)) is None
    first_alone = counted(lambda parts: parts[0].new[0] < 0.3)
    assert smallest_effect([part(0.1), part(score)], first_alone) is None


def test_a_run_that_is_not_finite_stays_so():
    look = counted(lambda parts: parts[0].new[0] < 0.4)
    found = smallest_effect([part(0.1, 0.2, math.inf)], look)
    assert math.log1p(found) == pytest.approx(0.5, abs=1.1e-4)


def test_runs_that_were_not_made_are_those_of_other_seeds_worse_by_the_effect():
    baseline = tuple(float(number) for number in range(20))
    one = Comparison(baseline=baseline, new=(0.5,), scale=LOSS, tolerance=0.05)

    def passes(parts):
        (part,) = parts
        others = [*range(6, 20), *range(5)]
        assert part.new[1:] == pytest.approx([number + part.new[0] for number in others])
        return part.new[1] < 6.25

    assert math.log1p(smallest_effect([one], counted(passes), turn=5)) == pytest.approx(
        0.25, abs=1.1e-4
    )


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("bound", "asked"), [(0.03, 12), (0.1, 13), (0.2, 15), (0.4, 17)])
def test_small_effects_take_few_procedures(bound, asked, side):
    """One at no effect, one for each doubling from 1/16 on, and halvings down to 1/16384."""
    calls = []

    def passes(parts):
        calls.append(parts)
        return parts[0].new[0] < side * bound

    smallest_effect([part(0.0)], passes)
    assert len(calls) == asked
