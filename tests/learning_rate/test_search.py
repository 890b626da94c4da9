"""The search for the range of learning rates, on trainings that are formulas."""

from __future__ import annotations

import itertools
import math
import types

import numpy as np
import pytest

from pytest_converge.checks.gates import judge
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import NonFinite, TrainingRecord
from pytest_converge.learning_rate.search import RangeSearch
from pytest_converge.learning_rate.trainings import target_of

STEPS = 160
CHECKPOINTS = tuple(range(0, STEPS + 1, 10))


class Formula:
    """Trains by a formula: gradient descent on a quadratic whose curvature is 1.

    Args:
        own: the user's rate.
        loss: (rate, steps) to the loss; by default that of the quadratic from 1 on.
    """

    def __init__(self, own, loss=None, *, full_batch=False):
        self.own = own
        self.loss = loss or quadratic
        self.training = types.SimpleNamespace(full_batch=full_batch)
        self.asked = []
        self.made = 0

    def put_back(self):
        """Nothing has changed."""

    def at(self, factor, number, watch=None):
        rate = self.own * factor
        self.asked.append(rate)
        losses = []
        for step in CHECKPOINTS:
            losses.append(self.loss(rate, step))
            course = tuple(zip(CHECKPOINTS, losses, strict=False))
            stop = not math.isfinite(losses[-1])
            if stop or (watch is not None and 0 < step < STEPS and watch(course)):
                break
        done = CHECKPOINTS[len(losses) - 1]
        self.made += done
        finite = math.isfinite(losses[-1])
        curve = LossCurve(
            steps=tuple(range(1, done + 1)),
            batch_loss=tuple(self.loss(rate, step) for step in range(done)),
            learning_rate=(rate,) * done,
            checkpoints=CHECKPOINTS[: len(losses)],
            probe_loss=tuple(losses),
            initial_loss=losses[0],
            final_loss=losses[-1],
        )
        bad = () if finite else (NonFinite(what="loss", name="nan", step=done),)
        return TrainingRecord(seed=0, curve=curve, nonfinite=bad)


def quadratic(rate, step):
    try:
        loss = (1.0 - rate) ** (2 * step)
    except OverflowError:
        return math.inf
    return loss if loss < 3e38 else math.inf


def searched(formula, *, limit=None, decades=8, **expectation):
    expected = Expectation(steps=STEPS, **{"monotone": "off", **expectation})
    search = RangeSearch(
        formula,
        lambda record: judge(record, expected),
        expected,
        own=formula.own,
        first=formula.at(1.0, 0),
        limit=limit,
    )
    search.search(decades)
    return search


def passing(search):
    rates = [p.learning_rate for p in search.points if p.passed]
    return min(rates), max(rates)


def edges_of(max_loss):
    """The rates between which (1 - rate) ** (2 steps) is at most max_loss."""
    shrink = max_loss ** (1 / (2 * STEPS))
    return 1 - shrink, 1 + shrink


@pytest.mark.parametrize("own", [0.003, 0.02, 0.1, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("max_loss", [0.5, 0.1, 1e-3])
def test_the_edges_of_a_quadratic_are_found(own, max_loss):
    low, high = passing(searched(Formula(own), max_loss=max_loss))
    true_low, true_high = edges_of(max_loss)
    assert true_low <= low <= 1.4 * true_low
    assert true_high / 1.4 <= high <= true_high


@pytest.mark.parametrize("own", [1e-7, 1e-5, 30.0, 1e5, 1e7])
def test_a_rate_far_outside_finds_the_range_too(own):
    low, high = passing(searched(Formula(own), max_loss=0.1))
    true_low, true_high = edges_of(0.1)
    assert true_low <= low <= 1.4 * true_low
    assert true_high / 1.4 <= high <= true_high


@pytest.mark.parametrize("limit", [None, 1.5, 1.7, 1.85])
@pytest.mark.parametrize("max_loss", [0.5, 0.1, 1e-3])
def test_no_run_that_passes_is_cut(limit, max_loss):
    """Near the limit, of which only a guess is known, a quarter of the steps is not enough."""
    for own in (0.003, 0.1, 1.0, 1.7):
        points = searched(Formula(own), limit=limit, max_loss=max_loss).points
        failed = [p.learning_rate for p in points if not p.passed]
        assert not [rate for rate in failed if quadratic(rate, STEPS) <= max_loss]


@pytest.mark.parametrize("limit", [None, 2.0, 0.2, 20.0])
def test_where_a_run_costs_nothing_the_edges_are_fine(limit):
    search = searched(Formula(0.1, full_batch=True), limit=limit, max_loss=0.1)
    low, high = passing(search)
    true_low, true_high = edges_of(0.1)
    assert true_low <= low <= 1.1 * true_low
    assert true_high / 1.1 <= high <= true_high
    diverged = min(p.learning_rate for p in search.points if p.diverged)
    assert 2.0 <= diverged <= 2.2


def test_the_stability_limit_is_tried_on_both_sides():
    search = searched(Formula(0.1), limit=2.0, max_loss=0.1)
    calm = max(p.learning_rate for p in search.points if not p.diverged)
    diverged = min(p.learning_rate for p in search.points if p.diverged)
    assert calm < 2.0 < diverged < 1.1 * calm


def test_the_sweep_spans_the_decades():
    points = searched(Formula(0.1), max_loss=0.1, decades=8).points
    assert points[0].learning_rate == pytest.approx(1e-5)
    assert points[-1].learning_rate == pytest.approx(1e3)
    rates = [p.learning_rate for p in points]
    assert rates == sorted(rates)
    assert max(np.diff(np.log10(rates))) < 1.001


def test_most_of_the_sweep_costs_little():
    formula = Formula(0.1)
    searched(formula, max_loss=0.1)
    assert formula.made < 6 * STEPS


def test_what_was_broken_off_never_passes():
    points = searched(Formula(0.1), max_loss=0.1).points
    assert any(not p.complete for p in points)
    assert all(p.complete and p.steps == STEPS for p in points if p.passed)


def test_islands_apart_from_the_own_rate_stay_apart():
    def two(rate, step):
        good = 0.05 < rate < 0.2 or 50 < rate < 200
        return math.exp(-step / 20) if good else 1.0 - 1e-3 * step / STEPS

    search = searched(Formula(0.1, two), max_loss=0.1)
    assert [p.passed for p in search.points].count(True) >= 2
    between = [p for p in search.points if 0.2 < p.learning_rate < 50]
    assert between
    assert not any(p.passed for p in between)


def test_gaps_between_runs_that_rise_above_their_start_are_looked_for():
    def leaping(rate, step):
        if rate < 0.05:
            return 1.0 - rate * step / STEPS
        if rate < 0.3:
            return math.exp(-step / 20)
        if 0.3 <= rate < 0.5 or rate > 20:  # a gap that no decade shows
            return 1.0 - 1e-3 * step / STEPS
        return 5.0 if 0 < step < 40 else math.exp(-step / 20)

    search = searched(Formula(0.1, leaping), max_loss=0.1)
    assert [p.passed for p in search.points if 0.3 <= p.learning_rate < 0.5].count(False) >= 1
    _, highest = next((low, high) for low, high in stretches(search) if low <= 0.1 <= high)
    assert 0.3 / 1.4 < highest < 0.3


def stretches(search):
    groups = itertools.groupby(search.points, key=lambda p: p.passed)
    rates = [[p.learning_rate for p in group] for passed, group in groups if passed]
    return [(found[0], found[-1]) for found in rates]


def test_nothing_passes_where_nothing_can():
    search = searched(Formula(0.1, lambda rate, step: 1.0), max_loss=0.1)
    assert not any(p.passed or p.diverged for p in search.points)


def test_an_error_at_one_rate_is_its_outcome():
    def breaks(rate, step):
        if rate > 5:
            raise FloatingPointError("singular matrix")
        return quadratic(rate, step)

    search = searched(Formula(0.1, breaks), max_loss=0.1)
    top = search.points[-1]
    assert (top.finding, top.diverged, top.passed) == ("FloatingPointError", True, False)


def test_a_training_that_sets_its_rate_itself_is_refused():
    formula = Formula(0.1)
    at = formula.at
    formula.at = lambda factor, number, watch=None: at(1.0, number, watch)
    with pytest.raises(InvalidTrainingError, match=r"^got a training that sets the learning"):
        searched(formula, max_loss=0.1)


def test_every_start_has_to_pass():
    class Unlucky(Formula):
        def at(self, factor, number, watch=None):
            self.loss = quadratic if number == 0 or self.own * factor < 0.5 else lambda *_: 1.0
            return super().at(factor, number, watch)

    _, high = passing(searched(Unlucky(0.1), max_loss=0.1, seeds=2))
    assert 0.5 / 1.4 <= high < 0.5


@pytest.mark.parametrize(
    ("expectation", "target"),
    [
        ({"max_loss": 0.3}, 0.3),
        ({}, 0.95),
        ({"max_loss": 0.3, "min_decrease": 0.9}, 0.1),
        ({"min_decrease": 0.0}, 1.0),
        ({"min_skill": 0.5}, 0.4),
    ],
)
def test_the_target_is_what_every_run_has_to_reach(expectation, target):
    curve = LossCurve(steps=(1,), batch_loss=(1.0,), initial_loss=1.0, final_loss=0.5)
    record = TrainingRecord(seed=0, curve=curve, constant_loss=0.8)
    assert target_of(record, Expectation(**expectation)) == pytest.approx(target)
