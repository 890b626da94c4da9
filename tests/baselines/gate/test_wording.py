"""Why the gate decided as it did, in words."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.gate import wording
from pytest_converge.baselines.gate.comparison import Comparison, ScoreScale
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


def test_four_runs_above_all_or_by_p():
    assert wording.four_runs(parts([3.0] * 4), [1e-4]) == (
        "all 4 runs are worse than all 20 stored ones beyond the tolerance: 1629 % worse"
    )
    assert wording.four_runs(parts(RISING[:4]), [0.25]) == (
        "equal at the median of 4 seeds, p = 0.25"
    )


def test_eleven_runs_by_p_of_the_score_that_counts():
    two = parts(RISING[:11], [score + math.log(1.5) for score in RISING[:11]])
    assert wording.eleven_runs(two, [0.9, 0.0004], 0.0005, failed=True) == (
        "50 % worse at the median of 11 seeds, p = 0.0004, fails at 0.0005"
    )


def test_eleven_runs_by_their_own_seeds():
    worse = parts([score + math.log(1.1) for score in RISING[:11]])
    assert wording.eleven_runs(worse, [0.3], 0.0005, failed=True) == (
        "all 11 runs are worse than their own seeds beyond the tolerance: 10 % worse"
    )
    assert wording.eleven_runs(worse, [0.3], 0.0005, failed=False) == (
        "10 % worse at the median of 11 seeds, p = 0.3, fails at 0.0005"
    )
