"""What the gate promises, and the settings that allow it."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.gate.bounds import (
    MOST_ALPHA,
    SEEDS,
    SHARES,
    false_alarm,
    least_alpha,
    limits_at,
    require_alpha,
    require_tolerance,
)
from pytest_converge.core.errors import InvalidTrainingError


@pytest.mark.parametrize("count", [1, 2])
def test_the_bound_is_the_sum_of_what_each_look_attains(count):
    # Four above all 20; 152 of 160 pairs at eight and 195 of 220 at eleven, by SciPy; all of 13; a
    # sum of ranks of 198 of 20, and 19 signs.
    four, eight, eleven = 1 / math.comb(24, 4), 2.155654329567373e-05, 9.457636773011343e-05
    thirteen, pairs, signs = 2**-13, 6.67572021484375e-05, (20 + 1) / 2**20
    expected = count * (four + eight + eleven) + thirteen + pairs + signs
    assert false_alarm(0.001, count) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("alpha", [least_alpha(), 1e-4, 0.001, 0.01, MOST_ALPHA])
@pytest.mark.parametrize("count", [1, 2])
def test_a_third_of_alpha_is_kept_for_what_a_session_has_in_common(alpha, count):
    assert 0 < false_alarm(alpha, count) <= 0.68 * alpha
    limits = [limits_at(look, alpha) for look in SHARES]
    assert sum(count * at.ranks + at.pairs + at.signs for at in limits) <= 0.681 * alpha


@pytest.mark.parametrize("look", [1, 2, 3, 6, 16])
def test_other_looks_can_only_let_pass(look):
    limits = limits_at(look, MOST_ALPHA)
    assert (limits.ranks, limits.pairs, limits.signs) == (0, 0, 0)


def test_a_larger_alpha_is_spent():
    assert false_alarm(0.01, 2) > 0.55 * 0.01
    assert false_alarm(MOST_ALPHA, 2) > 0.6 * MOST_ALPHA


def test_the_least_alpha_is_itself_allowed():
    require_alpha(least_alpha())
    assert limits_at(SEEDS, least_alpha()).pairs == pytest.approx(2**-20)
    with pytest.raises(InvalidTrainingError, match=r"1\.3e-05"):
        require_alpha(0.999 * least_alpha())


@pytest.mark.parametrize(
    ("refuses", "value", "said"),
    [
        (
            require_alpha,
            0.06,
            (
                "got alpha=0.06 (float); expected a number from 1.3e-05 to 0.05. "
                "Twenty pairs of runs cannot be wrong less often than the least."
            ),
        ),
        (
            require_tolerance,
            1.5,
            (
                "got tolerance=1.5 (float); expected a share from 0 to 1. "
                "0.05 lets pass what is up to 5 % worse."
            ),
        ),
    ],
)
def test_what_is_refused_is_said_with_what_is_expected(refuses, value, said):
    with pytest.raises(InvalidTrainingError) as caught:
        refuses(value)
    assert str(caught.value).endswith(said)


def test_the_largest_alpha_and_both_ends_of_tolerance_are_allowed():
    require_alpha(MOST_ALPHA)
    for tolerance in (0, 1, 0.5):
        require_tolerance(tolerance)
