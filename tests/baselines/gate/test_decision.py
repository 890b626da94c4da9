"""The gate of baselines, clause by clause, and what its verdicts say."""

from __future__ import annotations

import itertools
import math
import random
from unittest import mock

import pytest

from pytest_converge.baselines.gate import decision
from pytest_converge.baselines.gate.decision import TURNS, decide, decide_all, judge
from pytest_converge.baselines.gate.scores import scores
from pytest_converge.core.errors import InvalidTrainingError
from tests.baselines.gate.cases import (
    AT_ONCE,
    CASES,
    DELTA,
    FALLING,
    OTHER_LOSSES,
    REFUSED,
    RISING,
    above,
    runs,
)

#: All runs a little worse than their own seeds beyond the tolerance.
WORSE = tuple(score + DELTA + 0.01 for score in FALLING)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.expected['look']}, {case.name}")
def test_each_clause_decides_at_its_edge(case):
    verdict = judge(case.baseline, case.new, **case.options)
    assert case.holds(verdict), verdict


@pytest.mark.parametrize("case", AT_ONCE, ids=lambda case: case.name)
def test_all_runs_at_once_fail_at_any_look(case):
    verdict = decide_all(case.baseline, case.new, **case.options)
    assert case.holds(verdict), verdict


@pytest.mark.parametrize(
    ("new", "made", "outcome", "look"),
    [
        (above([3] * 20), 1, "pass", "one run"),
        (above([20] * 20), 4, "fail", "four runs"),
        ((*above([15, 3, 3, 3]), *[9.0] * 7), 2, "pass", "two runs"),
        ((*above([19, 18, 3, 3]), *[9.0] * 7), 3, "pass", "three runs"),
        (above([18, 18, 18, 18, *[20] * 16], FALLING), 8, "fail", "eight runs"),
        (above([16, 16, 16, 16, *[3] * 16], FALLING), 6, "pass", "six runs"),
        (WORSE, 13, "fail", "thirteen runs"),
        ((FALLING[0], *WORSE[1:]), 20, "fail", "twenty runs"),
        (tuple(score + DELTA - 0.01 for score in FALLING), 13, "pass", "thirteen runs"),
        (
            (FALLING[0], *WORSE[1:15], *RISING[:5]),
            20,
            "pass",
            "twenty runs",
        ),
    ],
)
def test_runs_are_made_only_as_long_as_they_are_needed(new, made, outcome, look):
    taken = []

    def source():
        for run in runs(new, new, losses=OTHER_LOSSES):
            taken.append(run.seed)
            yield run

    verdict = decide(runs(FALLING, FALLING), source())
    assert taken == list(range(made))
    assert (verdict.runs, verdict.outcome, verdict.look) == (made, outcome, look)


def test_runs_that_end_before_it_is_decided_are_an_error():
    for count, following in ((0, 1), (3, 4), (5, 6)):
        with pytest.raises(InvalidTrainingError) as caught:
            decide(runs(FALLING), runs([1.91 - 0.1 * i for i in range(count)], losses=OTHER_LOSSES))
        assert str(caught.value) == (
            f"got {count} new runs and no decision; expected {following} runs. "
            "Make as many as the baseline has."
        )


#: The first new run is a lucky one, all others are worse than their own seeds.
LUCKY_FIRST = (0.5, *(score + DELTA + 0.1 for score in FALLING[1:]))


def curve_runs(factor=1.0):
    """What a training without any randomness gives: 20 times the same curve."""
    losses = [factor * math.exp(-step / 30) for step in range(1, 101)]
    whole, late = scores(losses)
    return runs([whole] * 20, [late] * 20, losses=losses[:12])


@pytest.mark.parametrize(
    ("factor", "outcome", "look"),
    [
        (1.0, "pass", "signature"),
        (1.00001, "pass", "signature"),
        (1.04, "pass", "one run"),
        (0.9, "pass", "one run"),
        (1.06, "fail", "four runs"),
        (1.1, "fail", "four runs"),
    ],
)
def test_a_training_without_randomness_fails_beyond_the_tolerance_alone(factor, outcome, look):
    verdict = decide(curve_runs(), curve_runs(factor))
    assert (verdict.outcome, verdict.look) == (outcome, look)
    assert verdict.effect == pytest.approx((factor - 1,) * 2, abs=1e-8)


def test_without_tolerance_a_repeated_training_passes_and_the_least_rise_fails():
    assert decide(curve_runs(), curve_runs(), tolerance=0).look == "signature"
    assert decide(curve_runs(), curve_runs(1.001), tolerance=0).outcome == "fail"


@pytest.mark.parametrize(("baseline", "new", "options", "complaint"), REFUSED)
def test_runs_and_settings_that_make_no_gate_are_refused(baseline, new, options, complaint):
    with pytest.raises(InvalidTrainingError, match=complaint):
        judge(baseline, new, **options)


RECORD_AGAIN = "Record the baseline again with --converge-baseline=update."


@pytest.mark.parametrize(
    ("baseline", "new", "said"),
    [
        (
            runs(RISING[:19]),
            runs([0.0]),
            f"got a baseline of 19 runs; expected 20 runs. {RECORD_AGAIN}",
        ),
        (
            runs(RISING),
            runs([0.0] * 5),
            (
                "got 5 new runs; expected one of 1, 2, 3, 4, 6, 8, 11, 13, 16, 20. "
                "Make as many as the verdict before says."
            ),
        ),
        (
            runs(RISING),
            runs([0.0], first=1),
            f"got new runs of seeds [1]; expected [0]. {RECORD_AGAIN}",
        ),
        (
            runs(RISING),
            runs([0.0], [0.0]),
            f"got runs of [1, 2] scores; expected as many for all, at least one. {RECORD_AGAIN}",
        ),
        (
            runs(RISING),
            runs([math.nan]),
            f"got a score that is NaN; expected a number. {RECORD_AGAIN}",
        ),
    ],
)
def test_runs_without_counterparts_are_refused_with_the_way_out(baseline, new, said):
    with pytest.raises(InvalidTrainingError) as caught:
        judge(baseline, new)
    assert str(caught.value) == said


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.4])
def test_from_the_detectable_effect_on_the_whole_procedure_fails(shift):
    """Whatever look decided, with all 20 runs made: none is taken for another seed's."""
    draw = random.Random(shift)
    for _ in range(10):
        old = [draw.gauss(0, 0.1) for _ in range(20)]
        new = [score + shift + draw.gauss(0, 0.05) for score in old]
        baseline = runs(old, losses=(1.0,) * 12)
        verdict = decide_all(baseline, runs(new, losses=OTHER_LOSSES))
        if verdict.runs < 20:
            continue
        move = math.log1p(verdict.detectable) - math.log1p(verdict.effect[0])
        edges = [
            decide_all(baseline, runs([s + move + d for s in new], losses=OTHER_LOSSES)).outcome
            for d in (-2e-4, 2e-4)
        ]
        assert edges == ["pass", "fail"]


def drawn(seed):
    draw = random.Random(seed)
    return [draw.gauss(0, 0.2) for _ in range(20)]


#: The better half falls and then the worse one does, each from its worst run.
ROTATED = [*sorted(drawn(3))[10:], *sorted(drawn(3))[:10]][::-1]


@pytest.mark.parametrize(
    ("old", "count"),
    [(ROTATED, 1), (ROTATED, 4), (ROTATED, 11), (drawn(17), 1), (drawn(38), 2), (drawn(27), 4)],
)
def test_a_pass_states_the_limit_of_all_looks_and_not_of_the_one_that_decided(old, count):
    """More runs are not a failure: the runs that were not made are taken for other seeds'.

    Of unsorted baselines a look that lets pass hides one behind it that would have failed.
    """
    baseline = runs(old, losses=(1.0,) * 12)
    same = runs([score - 1e-5 * (-1) ** i for i, score in enumerate(old)], losses=OTHER_LOSSES)
    verdict = judge(baseline, same[:count])
    assert verdict.outcome == "pass"
    limits = []
    for turn in TURNS:
        rest = [old[(i + turn) % 20] for i in range(count, 20)]

        def outcome(effect, rest=rest):
            shift = math.log1p(effect)
            scores_ = [score + shift for score in [*old[:count], *rest]]
            return decide(baseline, runs(scores_, losses=OTHER_LOSSES)).outcome

        limits.append(outcome(verdict.detectable - 1e-3))
        assert outcome(verdict.detectable + 1e-3) == "fail"
    assert "pass" in limits


def test_all_runs_are_judged_where_they_were_made():
    """An update has all runs: that the first one is a lucky one hides none of the others."""
    old = runs(FALLING)
    new = runs(LUCKY_FIRST, losses=OTHER_LOSSES)
    assert judge(old, new[:1]).outcome == "pass"
    assert decide(old, new).passed
    assert decide_all(old, new).outcome == "fail"


@pytest.mark.parametrize(
    ("worse", "tolerance", "outcome", "look"),
    [(1.1, 0.2, "pass", "twenty runs"), (1.02, 0.0, "fail", "four runs")],
)
def test_all_runs_are_judged_by_the_tolerance_that_was_given(worse, tolerance, outcome, look):
    new = runs([1.0 + math.log(worse)] * 20, losses=OTHER_LOSSES)
    verdict = decide_all(runs([1.0] * 20), new, tolerance=tolerance)
    assert (verdict.outcome, verdict.look) == (outcome, look)
    assert verdict.detectable == pytest.approx(tolerance, abs=3e-4)


def test_the_limit_of_all_runs_is_looked_for_once():
    with mock.patch.object(decision, "smallest_effect", return_value=0.1) as looked_for:
        decide_all(runs(RISING), runs(RISING, losses=OTHER_LOSSES))
    assert looked_for.call_count == len(TURNS)


def test_a_failure_after_four_runs_says_what_would_have_failed_too():
    verdict = judge(runs([1.0] * 20), runs([1.5] * 4, losses=OTHER_LOSSES))
    assert verdict.outcome == "fail"
    assert verdict.detectable == pytest.approx(0.05, abs=3e-4)


def test_the_order_of_the_two_scores_does_not_matter():
    draw = random.Random(5)
    for count in (1, 4, 11):
        columns = [[draw.gauss(0, 0.1) for _ in range(20)] for _ in range(2)]
        news = [[draw.gauss(0.05, 0.1) for _ in range(count)] for _ in range(2)]
        one = judge(runs(*columns), runs(*news, losses=OTHER_LOSSES))
        other = judge(runs(*columns[::-1]), runs(*news[::-1], losses=OTHER_LOSSES))
        assert (one.outcome, one.ranks, one.effect) == (
            other.outcome,
            other.ranks[::-1],
            other.effect[::-1],
        )


@pytest.mark.parametrize(
    ("baseline", "new", "reason"),
    [
        (
            runs(FALLING),
            runs([1.9 + math.log(0.997)]),
            "the first losses repeat the stored ones to 0.0e+00, and the run is 0.3 % better",
        ),
        (
            runs(FALLING),
            runs(above([14]), losses=OTHER_LOSSES),
            "14 of 20 stored runs are better beyond the tolerance; 42 % better on its seed",
        ),
        (
            runs([1.0] * 20),
            runs([1.0 + math.log(1.125)] * 4, losses=OTHER_LOSSES),
            "all 4 runs are worse than all 20 stored ones beyond the tolerance: 12 % worse",
        ),
        (
            runs([1.0] * 20),
            runs([1.0] * 4, losses=OTHER_LOSSES),
            "equal at the median of 4 seeds, p = 1, fails at 0.0001",
        ),
        (
            runs([1.0] * 20),
            runs([1.0 + math.log(1.125)] * 8, losses=OTHER_LOSSES),
            "all 8 runs are worse than all 20 stored ones beyond the tolerance: 12 % worse",
        ),
        (
            runs(RISING),
            runs([score + DELTA + 0.01 for score in RISING], losses=OTHER_LOSSES),
            "20 of 20 seeds worse beyond tolerance: 6.1 % worse, p 9.5e-07 (limit 7.5e-05)",
        ),
        (
            runs(RISING),
            runs([math.inf] * 4, losses=OTHER_LOSSES),
            "all 4 runs are worse than all 20 stored ones beyond the tolerance: not finite",
        ),
    ],
)
def test_the_reason_is_one_sentence_with_the_numbers(baseline, new, reason):
    assert judge(baseline, new).reason == reason


def test_no_outcome_hangs_on_the_scale_of_the_losses():
    """A loss in other units adds the same to all log scores."""
    draw = random.Random(9)
    old = [draw.gauss(0, 0.1) for _ in range(20)]
    for count, shift in itertools.product((1, 4, 11), (0.0, 0.1, 0.3)):
        new = [draw.gauss(shift, 0.1) for _ in range(count)]
        here = judge(runs(old), runs(new, losses=OTHER_LOSSES))
        there = judge(
            runs([score + 5 for score in old]),
            runs([score + 5 for score in new], losses=OTHER_LOSSES),
        )
        assert (here.outcome, here.ranks) == (there.outcome, there.ranks)
