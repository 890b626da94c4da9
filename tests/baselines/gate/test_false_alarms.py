"""The bound on false alarms, by playing unchanged code through the whole procedure."""

from __future__ import annotations

import math
import random

import pytest

from pytest_converge.baselines.gate.bounds import false_alarm
from pytest_converge.baselines.gate.decision import decide, decide_all
from tests.baselines.gate.cases import OTHER_LOSSES, runs

REPLAYS, ALPHA = 600, 0.05


def normal(draw):
    return draw.gauss(0, 1)


def heavy_tailed(draw):
    return math.tan(math.pi * (draw.random() - 0.5))


def coarse(draw):
    return float(round(draw.gauss(0, 1)))


def diverging(draw):
    return math.inf if draw.random() < 0.3 else draw.gauss(0, 1)


def session(draw, score, characters, common):
    """Two scores of 20 runs, which share half their variance with others of their seeds."""
    effect = draw.gauss(0, common) if common else 0.0
    first = [math.sqrt(0.5) * (c + score(draw)) + effect for c in characters]
    second = [one + 0.3 * draw.gauss(0, 1) for one in first]
    return first, second


def false_alarms(decides, score, *, common=0.0, tolerance=0.0):
    draw = random.Random(f"{decides.__name__} {score.__name__}")
    options = {"alpha": ALPHA, "tolerance": tolerance, "finds_limit": False}
    failed = 0
    for _ in range(REPLAYS):
        characters = [draw.gauss(0, 1) for _ in range(20)]
        old = runs(*session(draw, score, characters, common / math.sqrt(2)))
        new = runs(*session(draw, score, characters, common / math.sqrt(2)), losses=OTHER_LOSSES)
        failed += decides(old, new, **options).outcome == "fail"
    return failed / REPLAYS


def highest(probability):
    """Four standard deviations above it."""
    return probability + 4 * math.sqrt(probability / REPLAYS)


@pytest.mark.parametrize("decides", [decide, decide_all])
@pytest.mark.parametrize("score", [normal, heavy_tailed, coarse, diverging])
def test_unchanged_code_fails_no_more_often_than_stated(decides, score):
    assert false_alarms(decides, score) <= highest(false_alarm(ALPHA, 2))


def test_and_no_more_often_than_alpha_where_a_session_has_something_in_common():
    """A quarter of the spread, at a tolerance of 0.15 of it."""
    found = false_alarms(decide, normal, common=0.25, tolerance=math.expm1(0.15))
    assert found <= highest(ALPHA)


def test_a_worse_bound_would_be_noticed():
    """Ten times the common effect is no longer within it."""
    assert false_alarms(decide, normal, common=2.5) > highest(ALPHA)


def test_small_effects_that_leave_the_seeds_their_character_are_seen_in_the_end():
    """Such as frozen filters of a network: a third worse, with eleven runs a p of 2e-4."""
    draw = random.Random(12)
    seen = 0
    for _ in range(100):
        old = [draw.gauss(0, 0.25) for _ in range(20)]
        new = [math.log(1.4) + score + draw.gauss(0, 0.1) for score in old]
        verdict = decide(runs(old), runs(new, losses=OTHER_LOSSES), finds_limit=False)
        seen += verdict.outcome == "fail"
    assert seen >= 98
