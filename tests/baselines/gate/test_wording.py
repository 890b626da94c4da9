"""Why the gate decided as it did, in words."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.gate import wording
from pytest_converge.baselines.gate.comparison import Comparison, ScoreScale
from pytest_converge.core.baseline import BaselineVerdict
from tests.baselines.gate.cases import RISING


def parts(*news):
    scale = ScoreScale(logarithmic=True)
    return [Comparison(baseline=RISING, new=tuple(n), scale=scale, tolerance=0.05) for n in news]


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (0.0, "equal"),
        (0.000095, "equal"),
        (0.0001, "0.01 % worse"),
        (0.0012, "0.12 % worse"),
        (-0.034, "3.4 % better"),
        (0.095, "9.5 % worse"),
        (0.1234, "12 % worse"),
        (2.5, "250 % worse"),
        (math.inf, "not finite"),
        (-math.inf, "better without bound"),
    ],
)
def test_effects(effect, text):
    assert wording.effect_in_words(effect) == text


def test_a_signature():
    assert wording.signature(parts([0.0]), 2.5e-5) == (
        "the first losses repeat the stored ones to 2.5e-05, and the run is equal"
    )


def test_one_run_by_its_worst_score():
    assert wording.one_run(parts([math.log(1.2)])) == (
        "2 of 20 stored runs are better beyond the tolerance; 20 % worse on its seed"
    )
    assert wording.one_run(parts([0.0], [math.log(1.2)])) == (
        "2 of 20 stored runs are better beyond the tolerance; 20 % worse on its seed"
    )


def test_ranks_above_all_or_by_p():
    for above_all in (parts([3.0] * 4), parts([0.0] * 4, [3.0] * 4)):
        assert wording.ranks(above_all, [1e-4], 1e-4, failed=True) == (
            "all 4 runs are worse than all 20 stored ones beyond the tolerance: 1629 % worse"
        )
    assert wording.ranks(parts(RISING[:4]), [0.25], 1e-4, failed=False) == (
        "equal at the median of 4 seeds, p = 0.25, fails at 0.0001"
    )


def test_ranks_by_p_of_the_score_that_counts():
    two = parts(RISING[:11], [score + math.log(1.5) for score in RISING[:11]])
    assert wording.ranks(two, [0.9, 0.0004], 0.0005, failed=True) == (
        "50 % worse at the median of 11 seeds, p = 0.0004, fails at 0.0005"
    )


def test_pairs_by_how_many_are_worse():
    worse = parts([score + (math.log(1.1) if i else 0.05) for i, score in enumerate(RISING)])
    assert wording.pairs(worse, 1.9e-6, 1e-4) == (
        "19 of 20 seeds worse beyond tolerance: 10 % worse, p 1.9e-06 (limit 0.0001)"
    )


def verdict(**values):
    given = {"outcome": "pass", "look": "twenty runs", "runs": 20, "effect": (0.33, 0.1)}
    given |= {"p_values": (0.02, 0.3), "p_pairs": 0.004, "false_alarm": 5e-4}
    return BaselineVerdict(**{**given, **values})


def test_a_pass_that_is_perhaps_worse_is_a_note():
    found = wording.finding(verdict(perhaps_worse=True), "")
    assert (found.code, found.fails) == ("perhaps-worse", False)
    assert found.message == (
        "passes, but perhaps trains worse than its baseline: 33 % worse in 20 runs, p = 0.004"
    )
    assert found.evidence["pairs_p"] == 0.004
    assert wording.finding(verdict(), "") is None


#: The evidence of `verdict()`.
EVIDENCE = {
    "look": "twenty runs",
    "runs": 20,
    "whole_effect": 0.33,
    "late_effect": 0.1,
    "whole_p": 0.02,
    "late_p": 0.3,
    "pairs_p": 0.004,
    "detectable": None,
    "false_alarm": 5e-4,
}


@pytest.mark.parametrize(("revision", "against"), [("", "its baseline"), ("abc123", "abc123")])
def test_a_failure_is_a_gate_with_the_effect_that_is_worst(revision, against):
    found = wording.finding(verdict(outcome="fail", effect=(0.12, -0.9)), revision)
    assert (found.code, found.fails) == ("worse-than-baseline", True)
    assert found.message == f"trains worse than {against}: 12 % worse in 20 runs"
    assert found.evidence == {**EVIDENCE, "whole_effect": 0.12, "late_effect": -0.9}


@pytest.mark.parametrize(("revision", "against"), [("", "its baseline"), ("abc123", "abc123")])
def test_what_is_better_is_a_note_with_the_effect_that_is_largest(revision, against):
    found = wording.finding(verdict(faster=True, runs=1, effect=(0.12, -0.9)), revision)
    assert (found.code, found.fails) == ("better-than-baseline", False)
    assert found.message == f"trains better than {against}: 90 % better in 1 run"
    assert found.evidence == {**EVIDENCE, "runs": 1, "whole_effect": 0.12, "late_effect": -0.9}


def test_a_note_of_perhaps_worse_has_all_evidence():
    found = wording.finding(verdict(perhaps_worse=True, effect=(0.1, 0.33)), "abc123")
    assert found.message == (
        "passes, but perhaps trains worse than abc123: 33 % worse in 20 runs, p = 0.004"
    )
    assert found.evidence == {**EVIDENCE, "whole_effect": 0.1, "late_effect": 0.33}


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ({"p_values": (0.003, 0.3)}, "0.003"),
        ({"p_values": (0.3, 0.002)}, "0.002"),
        ({"p_values": (0.3, 0.02), "p_pairs": None}, "0.02"),
    ],
)
def test_the_lowest_p_is_the_one_that_is_told(values, p):
    found = wording.finding(verdict(perhaps_worse=True, **values), "")
    assert found.message.endswith(f"33 % worse in 20 runs, p = {p}")


def test_a_refused_update_says_how_it_is_accepted():
    found = wording.refusal(verdict(outcome="fail"))
    assert (found.code, found.fails) == ("worse-than-baseline", True)
    assert found.message == (
        "worse than the baseline to replace: 33 % worse in 20 runs; accept it "
        'with --converge-accept-worse="the reason"'
    )
    assert found.evidence == EVIDENCE


def test_the_evidence_of_a_metric_and_of_ranks():
    metric = {"effect": (0.2,), "p_values": (0.01,), "ranks": ((14, 9),), "detectable": 0.5}
    found = wording.refusal(verdict(outcome="fail", p_pairs=None, **metric))
    assert found.evidence == {
        "look": "twenty runs",
        "runs": 20,
        "metric_effect": 0.2,
        "metric_p": 0.01,
        "metric_ranks": "14 9",
        "detectable": 0.5,
        "false_alarm": 5e-4,
    }


def test_a_look_without_p_has_none_in_its_evidence():
    first = verdict(outcome="fail", p_values=(), p_pairs=None, ranks=((1,), (2,)))
    evidence = wording.refusal(first).evidence
    assert (evidence["whole_ranks"], evidence["late_ranks"]) == ("1", "2")
    assert not {"whole_p", "late_p", "pairs_p"} & evidence.keys()


def test_no_limit_is_told_where_none_can_fail():
    assert wording.ranks(parts(RISING[:2]), [0.25], 0.0, failed=False) == (
        "equal at the median of 2 seeds, p = 0.25"
    )


def test_no_seed_is_left_out_where_scores_have_different_numbers_of_runs():
    with pytest.raises(ValueError, match="zip"):
        wording.pairs(parts([0.1, 0.2], [0.1]), 0.5, 1e-4)


def test_no_effect_is_left_out_of_the_evidence():
    with pytest.raises(ValueError, match="zip"):
        wording.refusal(verdict(outcome="fail", effect=(0.1, 0.2, 0.3)))
