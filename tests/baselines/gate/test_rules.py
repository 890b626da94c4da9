"""The clauses of the gate, one by one; how they work together stands in test_decision.py."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.gate.bounds import Limits
from pytest_converge.baselines.gate.comparison import Comparison, ScoreScale
from pytest_converge.baselines.gate.rules import (
    BEST_RUNS,
    SIGNATURE_DRIFT,
    SIGNATURE_DRIFT_ELSEWHERE,
    fails,
    few_runs_pass,
    largest_drift,
    many_runs_pass,
    one_run_passes,
    perhaps_worse,
    signature_holds,
)
from pytest_converge.core.baseline import StoredRun
from tests.baselines.gate.cases import FALLING, RISING, runs


def part(new, baseline=RISING, tolerance=0.05):
    scale = ScoreScale(logarithmic=True)
    return Comparison(baseline=baseline, new=tuple(new), scale=scale, tolerance=tolerance)


def drift(new, old=(1.0,) * 12):
    (stored,), (run,) = runs([0.0], losses=old), runs([0.0], losses=new)
    return largest_drift(stored, run)


def test_the_drift_is_the_largest_of_the_first_ten_steps():
    assert drift([1.0] * 12) == 0.0
    assert drift([1.0, 1.001, *[1.0] * 10]) == pytest.approx(0.001, rel=0.01)
    assert drift([*[1.0] * 10, 9.0, 9.0]) == 0.0


@pytest.mark.parametrize(
    "losses", [[math.nan, *[1.0] * 11], [math.inf, *[1.0] * 11], [1.0] * 5, []]
)
def test_losses_that_cannot_be_compared_have_drifted_without_bound(losses):
    assert drift(losses) == math.inf


@pytest.mark.parametrize(
    ("apart", "limit"), [(True, SIGNATURE_DRIFT), (False, SIGNATURE_DRIFT_ELSEWHERE)]
)
def test_a_signature_holds_up_to_a_drift_that_depends_on_the_environment(apart, limit):
    same = [part([0.0])]
    assert signature_holds(same, limit, same_environment=apart)
    assert not signature_holds(same, 1.01 * limit, same_environment=apart)


def test_a_signature_needs_scores_that_are_alike_too():
    assert signature_holds([part([0.02])], 0.0)
    assert not signature_holds([part([0.04])], 0.0)
    assert signature_holds([part([0.04])], 0.0, same_environment=False)
    assert not signature_holds([part([-0.04])], 0.0)
    assert not signature_holds([part([0.0]), part([0.2])], 0.0)


def test_one_run_passes_by_its_rank_and_its_own_seed():
    assert one_run_passes([part([0.04])])
    assert not one_run_passes([part([0.06])])
    among_the_best = FALLING[-BEST_RUNS - 1] + 0.04
    assert one_run_passes([part([among_the_best], FALLING)])
    assert not one_run_passes([part([among_the_best + 0.1], FALLING)])
    assert not one_run_passes([part([0.0]), part([0.06])])


def test_four_runs_fail_above_all_and_pass_among_them():
    above, among = [part([2.0] * 4)], [part([1.0, 0.0, 0.5, 0.2])]
    assert fails(above, Limits(ranks=1e-4))
    assert not few_runs_pass(above)
    assert not fails(among, Limits(ranks=1e-4))
    assert few_runs_pass(among)


def test_four_runs_that_are_all_worse_than_their_own_need_more():
    a_little = [part([0.01, 0.11, 0.21, 0.31])]
    assert not fails(a_little, Limits(ranks=1e-4))
    assert not few_runs_pass(a_little)


def test_eleven_runs_fail_by_their_ranks_and_pass_by_ranks_and_pairs():
    worse = [part([score + 0.06 for score in RISING[:11]])]
    equal = [part(RISING[:11])]
    assert fails([part([3.0] * 11)], Limits(ranks=1e-3))
    assert not fails(worse, Limits(ranks=1e-3))
    assert not many_runs_pass(worse)
    assert many_runs_pass(equal)
    assert not many_runs_pass([part([1.9] * 11)])


def test_all_pairs_fail_together_though_a_stray_seed_is_better():
    worse = [score + 0.1 for score in RISING]
    assert fails([part(worse)], Limits(pairs=1e-6))
    stray = [worse[0] - 0.5, *worse[1:]]
    assert fails([part(stray)], Limits(signs=1e-4))
    assert not fails([part(stray)], Limits(signs=1e-5))
    assert not fails([part(RISING)], Limits(pairs=1e-4))


def test_a_seed_counts_once_whatever_the_scores():
    balanced = [part([s + 0.2 for s in RISING]), part([s - 0.15 for s in RISING])]
    assert not fails(balanced, Limits(pairs=0.5))


def test_perhaps_worse_needs_an_effect_and_a_p():
    few = [score + (0.2 if number < 16 else -0.3) for number, score in enumerate(RISING)]
    assert not perhaps_worse([part(few)])
    assert perhaps_worse([part([score + 0.06 for score in RISING])])
    assert not perhaps_worse([part([score + 0.04 for score in RISING])])


def test_no_run_is_left_out_where_scores_have_different_numbers_of_them():
    with pytest.raises(ValueError, match="zip"):
        few_runs_pass([part([0.1, 0.2]), part([0.1])])


def test_a_run_without_a_stored_one_of_its_seed_does_not_pass():
    with pytest.raises(ValueError, match="zip"):
        one_run_passes([part([0.0, 0.0], baseline=(0.0,))])


@pytest.mark.parametrize(("steps", "losses"), [((1, 2), (1.0,)), ((1,), (1.0, 1.0))])
def test_no_step_is_left_out_where_its_loss_is_missing(steps, losses):
    torn = StoredRun(seed=0, scores=(0.0,), steps=steps, losses=losses)
    with pytest.raises(ValueError, match="zip"):
        largest_drift(torn, torn)
