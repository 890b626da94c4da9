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
        (0.00004, "equal"),
        (0.0012, "0.12 % worse"),
        (-0.034, "3.4 % better"),
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
    assert wording.one_run(parts([0.0], [math.log(1.2)])) == (
        "2 of 20 stored runs are better beyond the tolerance; 20 % worse on its seed"
    )


def test_ranks_above_all_or_by_p():
    assert wording.ranks(parts([3.0] * 4), [1e-4], 1e-4, failed=True) == (
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
    worse = parts([score + math.log(1.1 if i else 1.0) for i, score in enumerate(RISING)])
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
