"""The search for a learning rate: where it begins, how it goes on, and the bracket it leaves."""

from __future__ import annotations

import dataclasses
import math
import types

import keras
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.core.diagnosis import Trial
from pytest_converge.diagnosis import rate_search
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.rate_search import RateSearch, largest_stable_rate, sentence
from pytest_converge.diagnosis.trials import OutOfTimeError
from tests.diagnosis.programs import diagnosis_of, distance, failed_of
from tests.zoo.problems import Adversaries, fit, minimize, points


class FakeTrials:
    """Passes the rates of an interval; the loss is lowest in its (geometric) middle."""

    rate_follows, spent, budget = False, 0.0, 1.0

    def __init__(self, lowest, highest, most=1000):
        self.lowest, self.highest, self.most = lowest, highest, most
        self.reruns = types.SimpleNamespace(training=None)
        self.asked, self.confirmed = [], {}

    def try_out(self, change, *, confirm=True):
        if change in self.confirmed:
            return self.confirmed[change]
        if len(self.asked) >= self.most:
            raise OutOfTimeError
        if change not in self.asked:
            self.asked.append(change)
        trial = self.run(change, confirm=confirm)
        if confirm:
            self.confirmed[change] = trial
        return trial

    def run(self, change, *, confirm):
        good = self.lowest <= change <= self.highest
        middle = math.sqrt(self.lowest * self.highest)
        loss = abs(math.log(change / middle)) if good else 99.0
        seeds = 3 if good and confirm else 1
        return Trial(
            change=f"{change:g}",
            code="learning-rate-too-low",
            losses=(loss,) * seeds,
            passed=seeds * good,
        )


class OnSomeStarts(FakeTrials):
    """Other rates pass on the first start alone, from `wide[0]` to `wide[1]`."""

    wide = (0.0, 0.0)

    def run(self, change, *, confirm):
        trial = super().run(change, confirm=confirm)
        if trial.passed or not self.wide[0] <= change <= self.wide[1]:
            return trial
        return dataclasses.replace(trial, losses=(0.1, 9.0) if confirm else (0.1,), passed=1)


@pytest.mark.parametrize(
    ("wide", "narrow", "near"),
    [
        ((0.005, 0.2), (0.02, 0.04), 0.032),
        ((0.05, 0.2), (0.04, 0.06), 0.05),
        ((0.002, 0.02), (0.012, 0.03), 0.02),
        ((0.05, 0.2), (0.0, 0.0), None),
    ],
    ids=["between", "half", "twice", "nowhere"],
)
def test_a_rate_near_those_of_some_starts_is_tried_on_all(search_in, wide, narrow, near):
    search, trials = search_in(*narrow, unstable=True, rose=True)
    trials.__class__, trials.wide = OnSomeStarts, wide
    trials.expectation = types.SimpleNamespace(max_loss=None)
    assert search.search() is None
    before = len(trials.asked)
    found = search.refined(100.0)
    assert (None if found is None else found.change) == (None if near is None else f"{near:g}")
    assert len(trials.asked) - before <= rate_search.MOST_NEAR


@pytest.fixture
def search_in(monkeypatch):
    """Makes a search in which a change is no more than its rate."""
    monkeypatch.setattr(
        rate_search.learning_rate,
        "scaled",
        lambda training, own, factor, **_: float(f"{own * factor:.3g}"),
    )

    def search(lowest, highest, *, gauge=math.nan, own=1.0, most=1000, toward=1.0, **seen):
        trials = FakeTrials(lowest, highest, most)
        evidence = Evidence(rate=own, gauge=gauge, **seen)
        return RateSearch(trials, evidence, toward=toward), trials

    return search


def test_beyond_a_rate_that_ended_worse_none_is_tried_that_way(search_in):
    before = search_in(1e9, 2e9)  # all of these end at 99
    assert before[0].search(worse=50.0) is None
    assert sorted(before[1].asked) == [0.1, 0.3, 3.0, 10.0]
    every = search_in(1e9, 2e9)
    assert every[0].search(worse=100.0) is None
    assert {100.0, 1000.0, 0.01} <= set(every[1].asked)


def test_a_calm_run_looks_upwards_first(search_in):
    search, trials = search_in(5.0, 50.0)
    assert search.search().verified
    assert trials.asked[0] == 10.0


def test_an_unstable_run_looks_downwards_first(search_in):
    search, trials = search_in(0.05, 0.5, unstable=True)
    assert search.search().verified
    assert trials.asked[0] == 0.1


def test_overshooting_steps_look_downwards_first(search_in):
    search, trials = search_in(1e-9, 1e-8, gauge=-4.0)
    search.search()
    assert trials.asked[0] == pytest.approx(0.05 / 5)
    assert all(rate < 1 for rate in trials.asked[:4])


def test_steps_that_feel_no_curvature_begin_at_the_rate_that_would(search_in):
    """With rho at 0.999, a rate 500 times as large has rho = 0.5."""
    search, trials = search_in(100.0, 1000.0, gauge=0.999)
    assert search.search().verified
    assert trials.asked[0] == pytest.approx(500.0)


def test_the_gauge_leads_at_most_a_thousand_times_away(search_in):
    search, trials = search_in(1e9, 1e10, gauge=1 - 1e-7)
    search.search()
    assert trials.asked[0] == pytest.approx(1000.0)


@pytest.mark.parametrize("gauge", [1.0, 1.5, math.nan])
def test_a_gauge_that_tells_no_rate_leaves_the_decades(search_in, gauge):
    search, trials = search_in(1e9, 1e10, gauge=gauge)
    assert search.search() is None
    assert trials.asked[0] == 10.0


@pytest.mark.parametrize("unstable", [False, True])
def test_every_direction_is_tried_in_the_end(search_in, unstable):
    search, trials = search_in(1e9, 1e10, unstable=unstable)
    assert search.search() is None
    assert {0.1, 0.01, 10.0, 100.0} <= set(trials.asked)


def test_the_users_own_rate_is_not_tried_again(search_in):
    for unstable in (False, True):
        search, trials = search_in(1e-3, 0.9, unstable=unstable)
        search.search()
        assert not any(0.5 < rate < 2 for rate in trials.asked)


def test_the_bracket_holds_what_passed_and_proposes_the_best(search_in):
    search, _ = search_in(0.0008, 0.8, unstable=True)
    found = search.search()
    bracket = search.bracket(2.0)
    assert found.verified
    assert (bracket.own, bracket.lowest, bracket.highest) == (1.0, pytest.approx(0.01), 0.1)
    assert 0.0008 <= bracket.proposed <= 0.8
    assert bracket.stability_limit == 2.0


def test_time_that_ends_at_the_edges_keeps_the_cause(search_in):
    search, trials = search_in(5.0, 5000.0, most=1)
    trials.spent = 0.6  # so late a rate is confirmed before its neighbours are looked at
    assert search.search().verified
    assert trials.asked == [10.0]
    assert search.bracket(None).proposed == 10.0


def test_the_rate_that_is_chosen_is_the_only_one_that_is_confirmed(search_in):
    search, trials = search_in(2.5, 400.0)
    found = search.search()
    assert [f"{rate:g}" for rate in trials.confirmed] == [found.change]
    assert len(trials.asked) > 1


def test_no_rate_no_search(search_in):
    for own in (math.nan, 0.0):
        search, trials = search_in(0.1, 1.0, own=own)
        assert search.search() is None
        assert trials.asked == []
        assert search.bracket(None) is None


@pytest.mark.parametrize("factor", [1e-4, 1e-2, 30.0, 1000.0])
def test_the_proposed_rate_trains(factor):
    """The limit of this bowl is 1; a hundredth of it arrives in 300 steps."""
    own = 0.3 * factor
    found = diagnosis_of(distance(optimizers.SGD(own)), steps=300, max_loss=0.67)
    assert found.cause == f"learning-rate-too-{'high' if factor > 1 else 'low'}"
    assert 0.01 < found.bracket.proposed < 1
    assert f"is too {'high' if factor > 1 else 'low'}" in found.message


def test_the_rate_that_is_proposed_keeps_away_from_those_that_fail(search_in):
    """The first rate that passes, 3, is next to the user's own, and 10 leads on to 100."""
    search, trials = search_in(2.5, 400.0)
    found = search.search()
    bad = [rate for rate in trials.asked if not 2.5 <= rate <= 400.0] + [1.0]
    proposed = search.bracket(None).proposed
    assert found.losses[0] == min(t.losses[0] for t in search.passing.values())
    assert min(max(proposed / rate, rate / proposed) for rate in bad) >= rate_search.ROOM


def test_a_lower_loss_at_the_edge_is_not_proposed(search_in):
    search, trials = search_in(0.002, 0.45, unstable=True)
    plain = trials.try_out

    def lower_at_the_edge(change, *, confirm=True):
        trial = plain(change, confirm=confirm)
        return dataclasses.replace(trial, losses=(1 / change,) * trial.seeds)

    trials.try_out = lower_at_the_edge
    search.search()
    assert search.bracket(None).proposed == 0.1


def test_numbers_are_shown_without_the_noise_of_float32(search_in):
    search, _ = search_in(0.005, 0.5, own=0.10000000149011612, unstable=True)
    search.search()
    bracket = search.bracket(None)
    assert (bracket.own, bracket.lowest, bracket.highest) == (0.1, 0.01, 0.01)


def test_a_rate_that_fails_on_another_seed_leaves_the_bracket(search_in):
    search, trials = search_in(5.0, 5000.0)
    plain = trials.try_out

    def only_ten_is_firm(change, *, confirm=True):
        trial = plain(change, confirm=confirm)
        lower = dataclasses.replace(trial, losses=(1 / change,) * trial.seeds)
        firm = change == 10.0 or not confirm
        return lower if firm else dataclasses.replace(lower, passed=min(lower.passed, 1))

    trials.try_out = only_ten_is_firm
    found = search.search()
    bracket = search.bracket(None)
    assert found.verified
    assert (bracket.proposed, bracket.highest) == (10.0, 10.0)


# ---- a rate that nearly passes ------------------------------------------------------------------


def elongated(rate):
    """A bowl of curvatures 0.5 and 100, stable below 0.02."""
    w = tf.Variable([3.0, 3.0])
    return minimize(lambda: tf.reduce_sum([0.25, 50.0] * w**2), [w], optimizers.SGD(rate))


def test_a_rate_between_those_tried_comes_before_remedies():
    """Of 0.0063 and 0.021 the first is too slow and the second diverges; 0.012 passes."""
    found = diagnosis_of(elongated(0.021), steps=300, max_loss=0.1)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert 0.0063 < found.bracket.proposed < 0.02
    assert found.fix == f"keras.optimizers.SGD({found.bracket.proposed:g})"


def test_a_run_that_rose_is_never_too_slow(search_in):
    search, trials = search_in(5.0, 50.0, unstable=True, rose=True)
    assert search.search() is None
    assert max(trials.asked) < 1


def test_a_run_that_diverged_gets_a_stable_rate_and_time():
    """Stable below 2 / 60; 0.34 % a step are left along the flat direction."""
    w = tf.Variable([3.0, 1.0])
    start = minimize(lambda: tf.reduce_sum([1.0, 30.0] * w**2), [w], optimizers.SGD(0.034))
    found = diagnosis_of(start, steps=40, max_loss=1e-3)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.message.startswith("the loss rose from 39.00 to ")
    assert " at learning rate 0.034; a stable one needs time: it converges with " in found.message
    assert found.fix == "keras.optimizers.SGD(0.025)\nsteps=160"
    assert not any(trial.code == "too-few-steps" for trial in found.tried)


def test_a_rate_far_off_the_usual_ones_is_brought_there_first(search_in):
    search, trials = search_in(3e3, 3e4, own=1e-6 * 1e6, toward=1e4, rose=True)
    assert search.search().verified
    assert trials.asked[0] == 1e4


@pytest.mark.parametrize(
    ("optimizer", "factor"),
    [
        (optimizers.Adam(1e-6), 1e4),
        (optimizers.Adam(1e-3), 1.0),
        (optimizers.SGD(1e-6), 6.5e4),
        (optimizers.Adam(10.0), 1e-3),
        (optimizers.Adam(0.0), 1.0),
    ],
)
def test_a_rate_within_the_usual_ones_is_left_there(optimizer, factor):
    observed = types.SimpleNamespace(
        optimizer=optimizer, user_rate=float(optimizer.learning_rate.numpy())
    )
    assert rate_search._to_usual(observed) == pytest.approx(factor)


# ---- several optimizers -------------------------------------------------------------------------


def test_of_a_pair_of_adversaries_the_optimizer_at_fault_is_named():
    start = fit(Adversaries(1e-6), points(0), loss="distance")
    found = diagnosis_of(start, steps=150, monotone="off", min_decrease=0.5)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.message.startswith("of the optimizers, the rate of g_optimizer is too low; it ")
    assert found.fix.endswith("  # as g_optimizer, instead of Adam(1e-06)")
    # Its rate is far from the usual ones, and is brought there first.
    assert found.tried[0].change == "learning rate 0.01 of g_optimizer"


@pytest.mark.slow
def test_a_loss_that_falls_where_its_adversary_does_not_learn_is_not_repaired():
    keras.utils.set_random_seed(0)
    found = diagnosis_of(fit(Adversaries(), points(0), loss="g_loss"), steps=150)
    assert not found.cause.startswith("learning-rate")
    assert not found.verified
    reasons = dict(found.excluded)
    assert "works against this loss" in reasons["a lower rate of d_optimizer"]


def test_to_a_run_that_rose_no_higher_rate_is_added():
    failed = failed_of(distance(optimizers.SGD(0.1)), evidence=Evidence(rate=0.1))
    assert failed.not_steeper((10.0, 0.1)) == (10.0, 0.1)
    failed.evidence = Evidence(rate=0.1, rose=True)
    assert failed.not_steeper((10.0, 0.1)) == (0.1,)


def test_a_run_that_climbed_on_its_way_is_never_too_slow(search_in):
    search, trials = search_in(5.0, 50.0, climbed=True)
    assert search.search() is None
    assert max(trials.asked) < 1


# ---- what is said of it -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "gauge", "said"),
    [
        (
            "learning-rate-too-high",
            -3.2,
            "0.01 is too high: each step overshoots, the slope behind it is 3.2 times as steep;",
        ),
        (
            "learning-rate-too-high",
            -0.5,
            "0.01 is too high: each step goes beyond the minimum on its way;",
        ),
        ("learning-rate-too-high", 0.4, "0.01 is too high;"),
        ("learning-rate-too-low", 0.97, "0.01 is too low: a step leaves 97 % of the slope;"),
        ("learning-rate-too-low", math.nan, "0.01 is too low;"),
    ],
)
def test_a_gauge_is_told_where_it_agrees(cause, gauge, said):
    trial = Trial(change="learning rate 1", code=cause, losses=(1.0,), passed=1)
    text = sentence(Evidence(rate=0.01, gauge=gauge), Answer(cause=cause, trial=trial))
    assert said in text
    assert text.endswith("; it converges with learning rate 1")


@pytest.mark.parametrize(
    ("momentum", "limit"), [(0.0, 1.0), (0.5, 1.5), (0.9, 1.9)], ids=["none", "half", "high"]
)
def test_the_limit_of_descent_is_two_over_the_curvature(momentum, limit):
    failed = failed_of(distance(optimizers.SGD(0.1, momentum=momentum)), steps=5, max_loss=0.5)
    assert largest_stable_rate(failed) == pytest.approx(limit, rel=1e-3)


def test_other_optimizers_have_no_such_limit():
    failed = failed_of(distance(optimizers.Adam(0.1)), steps=5, max_loss=0.5)
    assert largest_stable_rate(failed) is None


def test_far_too_short_steps_look_upwards_first_though_the_loss_rose(search_in):
    search, trials = search_in(5.0, 50.0, gauge=0.999, rose=True, climbed=True, unstable=True)
    assert search.search().verified
    assert trials.asked[0] > 1.0


def test_the_range_of_rates_goes_on_while_its_end_is_the_best(search_in, monkeypatch):
    search, trials = search_in(5e4, 5e5, gauge=1.0)
    try_out = trials.try_out

    def falling(change, **options):
        trial = try_out(change, **options)
        losses = trial.losses if trial.passed else (9.0 - math.log10(change),)
        return dataclasses.replace(trial, losses=losses)

    monkeypatch.setattr(trials, "try_out", falling)
    assert search.search().verified
    assert 1e5 in search.passing


def test_the_range_of_rates_ends_where_its_end_is_no_better(search_in):
    search, trials = search_in(5e4, 5e5, gauge=1.0)
    assert search.search() is None
    assert max(trials.asked) == 1e4
