"""Trials: what passes, on how many seeds, what is remembered and what is not run."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import types

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import STRICT
from pytest_converge.core.stopwatch import Stopwatch
from pytest_converge.diagnosis.trials import WORSE, OutOfTimeError, Trials, passes
from pytest_converge.training.interventions.intervention import Intervention
from tests.checks.curves import record_of, record_of_batches
from tests.diagnosis.programs import POINTS, distance, failed_of
from tests.zoo.problems import minimize

BOUND = Expectation(max_loss=1.0, steps=10)


class FakeReruns:
    """Hands out losses, one a run, and counts how often it was put back."""

    begins_alike = True

    def __init__(self, *losses, full_batch=False, error=None, risen=()):
        self.losses, self.error, self.risen = losses, error, risen
        self.training = types.SimpleNamespace(full_batch=full_batch)
        self.runs, self.put_backs = [], 0
        self.points, self.given_up = None, []

    @contextlib.contextmanager
    def changed(self, change, watch=None, *, doubted):
        def run(number):
            self.given_up.append(watch and watch(self.points))
            if self.error is not None:
                raise self.error
            self.runs.append((change.change, number))
            record = record_of([9.0, *self.risen, 5.0, self.losses[number]])
            again = doubted is not None and doubted(record)
            return record_of([9.0, 5.0, self.losses[number]]) if again else record

        yield run

    def put_back(self):
        self.put_backs += 1


def change(name="change", **fields):
    return Intervention(code="plateau", change=name, fix="code", **fields)


def trials_of(*losses, budget=1e9, unit=0.0, failed=None, **options):
    reruns = FakeReruns(*losses, **options)
    trials = Trials(reruns, BOUND, budget=budget, watch=Stopwatch(), unit=unit, failed=failed)
    return trials, reruns


@pytest.mark.parametrize(
    ("losses", "passed", "seeds", "verified"),
    [
        ((0.5, 0.6, 0.7), 3, 3, True),
        ((0.5, 0.6, 1.7), 2, 3, False),
        ((0.5, 1.6, 0.7), 1, 2, False),
        ((1.5, 0.6, 0.7), 0, 1, False),
    ],
)
def test_a_repair_holds_on_three_seeds_or_ends_at_the_first_that_fails(
    losses, passed, seeds, verified
):
    trials, _ = trials_of(*losses)
    trial = trials.try_out(change())
    assert (trial.passed, trial.seeds, trial.verified) == (passed, seeds, verified)
    assert trial.losses == losses[:seeds]
    assert (trial.code, trial.fix) == ("plateau", "code")


def test_a_trial_has_the_loss_curve_of_its_first_seed():
    trials, _ = trials_of(0.5, 0.6, 0.7)
    assert trials.try_out(change(), confirm=False).course == ((0, 9.0), (160, 5.0), (320, 0.5))
    confirmed = trials.try_out(change())
    assert confirmed.seeds == 3
    assert confirmed.course == ((0, 9.0), (160, 5.0), (320, 0.5))


@pytest.mark.parametrize(
    ("rest", "passed"),
    [(2.0, 3), (1.05, 0), (0.9, 0)],
    ids=["misses the bound by itself", "within noise of it", "meets it"],
)
def test_a_term_left_out_is_a_repair_where_the_rest_missed_the_bound(rest, passed):
    trials, reruns = trials_of(0.99, 0.99, 0.99, failed=record_of([9.0, 5.0, 4.0]))
    reruns.loss_untrained = lambda _: rest
    assert trials.try_out(change(leaves_term=True)).passed == passed


@pytest.mark.parametrize(("last", "passed"), [(0.5, 3), (1.5, 0)], ids=["arrives", "misses"])
def test_a_rise_that_is_all_that_fails_is_seen_on_the_whole_probe_set(last, passed):
    trials, _ = trials_of(last, last, last, risen=[15.0] * 4)
    assert trials.try_out(change()).passed == passed


def test_a_rise_between_few_checkpoints_is_looked_for_where_one_of_them_is_high():
    seen = []

    class Sparse(FakeReruns):
        @contextlib.contextmanager
        def changed(self, change, watch=None, *, doubted):
            def run(number):
                sparse = record_of([9.0, 1.0, 4.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5])
                seen.append(doubted(sparse))
                return record_of([9.0, *[1.0, 8.0] * 15, 0.5]) if seen[-1] else sparse

            yield run

    trials = Trials(Sparse(), BOUND, budget=1e9, watch=Stopwatch(), unit=0.0)
    assert not trials.try_out(change()).passed
    assert seen == [True]


def test_one_run_is_all_where_nothing_is_random():
    trials, reruns = trials_of(0.5, full_batch=True)
    trial = trials.try_out(change())
    assert trial.verified
    assert trial.deterministic
    assert reruns.runs == [("change", 0)]


def test_starts_that_a_builder_draws_ask_for_more_seeds():
    def build(spread=1.0):
        w = tf.Variable(tf.random.normal((), 0.0, spread))
        return lambda: tf.reduce_mean((POINTS - w) ** 2), [w], optimizers.SGD(1e-4)

    for spread, seeds in ((1.0, 3), (0.0, 1)):
        start = minimize(functools.partial(build, spread))
        trials = failed_of(start, steps=30, max_loss=0.7).trials
        trial = trials.try_out(change(rate_factor=5000.0))
        assert (trial.verified, trial.seeds, trial.deterministic) == (True, seeds, seeds == 1)


def test_numbers_that_a_step_draws_itself_ask_for_more_seeds():
    failed = record_of_batches([9.0, 9.0, 9.0])  # two looks at the start saw two losses
    trials, reruns = trials_of(0.5, 0.5, 0.5, full_batch=True, failed=failed)
    trial = trials.try_out(change())
    assert (trial.seeds, trial.deterministic) == (3, False)
    assert len(reruns.runs) == 3


def test_a_change_is_run_once():
    trials, reruns = trials_of(0.5, 0.5, 0.5)
    assert trials.try_out(change()) is trials.try_out(change())
    assert len(reruns.runs) == 3


def test_a_trial_that_failed_is_not_confirmed_later():
    trials, reruns = trials_of(1.5)
    first = trials.try_out(change(), confirm=False)
    assert trials.try_out(change()) is first
    assert len(reruns.runs) == 1


def test_one_that_passed_on_a_single_seed_can_be_confirmed():
    trials, reruns = trials_of(0.5, 0.5, 0.5)
    assert not trials.try_out(change(), confirm=False).verified
    assert trials.try_out(change()).verified
    assert len(reruns.runs) == 3


def test_a_change_that_fails_to_be_made_is_kept_with_the_first_line_of_its_error():
    trials, reruns = trials_of(error=TypeError("wrong kind\nof model"))
    assert trials.try_out(change()) is None
    assert trials.guard.failed == [("change", "TypeError: wrong kind")]
    assert trials.done == {}
    assert reruns.put_backs == 1


def test_a_change_that_cannot_be_made_is_not_made_again():
    trials, reruns = trials_of(error=TypeError("wrong kind"))
    assert trials.try_out(change()) is None
    assert trials.try_out(change(), confirm=False) is None
    assert (reruns.put_backs, len(trials.guard.failed)) == (1, 1)


def raised_in(module, source):
    """The error that a line raises in a module of this name."""
    try:
        exec(compile(source, "a file", "exec"), {"__name__": module})  # noqa: S102 - frames are made
    except Exception as error:  # noqa: BLE001 - it is what is wanted
        return error
    raise AssertionError(source)


@pytest.mark.parametrize("source", ["forgotten", "().forgotten", "from math import forgotten"])
def test_a_mistake_of_our_own_is_raised_in_our_own_tests(source):
    error = raised_in("pytest_converge.training.somewhere", source)
    trials, _ = trials_of(error=error)
    with pytest.raises(type(error), match="forgotten"):
        trials.try_out(change())


def test_a_mistake_of_our_own_is_kept_in_the_tests_of_others(monkeypatch):
    monkeypatch.delenv(STRICT)
    trials, _ = trials_of(error=raised_in("pytest_converge.training.somewhere", "forgotten"))
    assert trials.try_out(change()) is None
    assert trials.guard.failed == [("change", "NameError: name 'forgotten' is not defined")]


def test_a_trait_of_a_model_is_no_mistake():
    trials, _ = trials_of(error=raised_in("keras.src.layers", "().forgotten"))
    assert trials.try_out(change()) is None


def test_an_interrupt_is_no_error_of_a_change():
    trials, _ = trials_of(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        trials.try_out(change())


def test_after_the_budget_nothing_runs():
    trials, reruns = trials_of(0.5, budget=-1.0)
    with pytest.raises(OutOfTimeError):
        trials.try_out(change())
    assert trials.left_out == ["change"]
    assert reruns.runs == []


def test_what_other_work_takes_from_the_machine_is_not_taken_from_the_budget():
    clock = iter([0.0, *[15.0] * 100])
    trials, _ = trials_of(0.5, 0.5, 0.5, budget=10.0)
    trials.watch = Stopwatch(lambda: next(clock), lambda: 0.0)
    assert trials.spent == 7.5
    assert trials.try_out(change()).verified


def test_a_change_that_would_exceed_the_budget_is_left_out_and_others_go_on():
    trials, reruns = trials_of(0.5, 0.5, 0.5, budget=10.0, unit=1.0)
    assert trials.try_out(change("sixteen times", steps_factor=16)) is None
    assert trials.left_out == ["sixteen times"]
    assert trials.try_out(change("four times", steps_factor=4)).verified
    assert {name for name, _ in reruns.runs} == {"four times"}


def test_a_control_is_no_repair():
    trials, _ = trials_of(0.5, 0.5, 0.5)
    trials.control(change("half of the rows"))
    trials.try_out(change("another unit", loss_factor=None))
    trials.try_out(change("a repair"))
    assert [t.change for t in trials.like_the_failed_run] == ["a repair"]


def test_the_best_loss_is_finite():
    trials, reruns = trials_of(float("nan"))
    assert trials.best == float("inf")
    trials.try_out(change("one"))
    assert trials.best == float("inf")
    reruns.losses = (3.0,)
    trials.try_out(change("two"))
    assert trials.best == 3.0


# ---- what passes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "loss", "expected"),
    [(1.0, 0.9, True), (1.0, 1.1, False), (0.01, 0.9, False), (0.01, 0.009, True)],
)
def test_a_bound_goes_along_with_the_unit_of_the_loss(factor, loss, expected):
    record = record_of([9.0, 5.0, loss])
    assert passes(record, BOUND, change(loss_factor=factor)) is expected


@pytest.mark.parametrize(("loss", "expected"), [(0.4, True), (0.6, False), (1.1, False)])
def test_a_bound_that_raw_targets_cannot_meet_is_one_of_scaled_ones(loss, expected):
    """Of targets with a variance of 1e8: beside the bound, half of the constant loss has to go."""
    record = record_of([2.0, 1.5, loss], constant_loss=1.0)
    assert passes(record, BOUND, change(loss_factor=1e-8)) is expected


@pytest.mark.parametrize(("name", "expected"), [("mean_absolute_error", True), ("loss", False)])
def test_an_error_that_is_not_squared_cannot_be_as_small(name, expected):
    """A bound of 1e-4 of the constant loss is a hundredth of the deviation where it is squared."""
    record = record_of([2.0, 1.5, 0.4], constant_loss=1.0, loss_name=name)
    assert passes(record, BOUND, change(loss_factor=1e-4)) is expected


@pytest.mark.parametrize(("loss", "expected"), [(4.0, True), (6.0, False)])
def test_half_of_the_constant_loss_has_to_go_where_the_unit_is_lost(loss, expected):
    """The bound of 1 says nothing any more; the skill does."""
    record = record_of([20.0, 15.0, loss], constant_loss=10.0)
    assert passes(record, BOUND, change(loss_factor=None)) is expected


def test_a_larger_skill_that_was_asked_for_stays():
    strict = Expectation(max_loss=1.0, min_skill=0.9, steps=10)
    record = record_of([20.0, 15.0, 4.0], constant_loss=10.0)
    assert not passes(record, strict, change(loss_factor=None))


def test_real_trials_leave_the_start_as_it_was():
    failed = failed_of(distance(optimizers.SGD(0.001)), max_loss=0.67)
    (w,) = failed.training.trainable
    failed.trials.try_out(change("faster", rate_factor=100.0))
    assert float(w) == 0.0
    assert float(failed.training.optimizers[0].optimizer.learning_rate) == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("constant", "loss", "expected"),
    [(2.0, 0.5, True), (0.5, 0.49, False), (0.0, -0.5, False), (-1.0, -3.0, False)],
)
def test_a_bound_that_is_met_proves_nothing_where_a_constant_meets_it(constant, loss, expected):
    record = record_of([9.0, 5.0, loss], constant_loss=constant)
    assert passes(record, BOUND, change(redefines_loss=True)) is expected
    assert passes(record, BOUND, change()) is True


@pytest.mark.parametrize(("loss", "expected"), [(4.0, True), (6.0, False)])
def test_half_of_the_start_has_to_go_where_no_constant_is_known(loss, expected):
    record = record_of([10.0, 8.0, loss])
    assert passes(record, BOUND, change(redefines_loss=True, loss_factor=None)) is expected


def test_losses_of_other_labels_are_not_compared_with_the_failed_run():
    trials, _ = trials_of(0.5, 0.5, 0.5)
    trials.try_out(change("labels", redefines_loss=True))
    assert trials.like_the_failed_run == []


@pytest.mark.parametrize(
    ("code", "lowest", "passed"),
    [("label-encoding", 9.0, 0), ("label-encoding", -1.0, 3), ("unscaled-targets", 9.0, 3)],
)
def test_a_loss_that_never_was_below_zero_does_not_mean_labels_that_bring_it_there(
    code, lowest, passed
):
    failed = record_of_batches([9.0, lowest, 9.0])
    trials, _ = trials_of(-0.5, -0.5, -0.5, failed=failed)
    other = dataclasses.replace(change("other", redefines_loss=True), code=code)
    assert trials.try_out(other).passed == passed


@pytest.mark.parametrize("redefines", [True, False])
def test_a_loss_that_fell_without_end_bounds_no_other_loss(redefines):
    failed = record_of([-1.0, -20.0, -200.0], metrics={"mae": 9.0})
    found = FakeReruns(0.5, 0.5, 0.5)
    expectation = Expectation(max_loss=1.0, steps=10, metrics={"mae": (None, 0.4)})
    trials = Trials(found, expectation, budget=1e9, watch=Stopwatch(), unit=0.0, failed=failed)
    assert trials._most_loss == math.inf
    other = change("negated", redefines_loss=redefines)
    judged = record_of([9.0, 5.0, 0.5], metrics={"mae": 0.1})
    assert trials._passes(judged, other)


# ---- the baseline of the test --------------------------------------------------------------------


class Baseline:
    """A judge that finds runs far worse from a loss on, and the training after some runs."""

    def __init__(self, *, far=math.inf, fails=False, needed=1):
        self.far, self.found, self.needed = far, fails, needed
        self.asked = []

    def is_far_worse(self, record):
        return record.curve.last >= self.far

    def fails(self, run):
        self.asked += [run(number).curve.last for number in range(self.needed)]
        return self.found


def held_to(baseline, *losses):
    reruns = FakeReruns(*losses)
    trials = Trials(reruns, BOUND, budget=1e9, watch=Stopwatch(), unit=0.0, baseline=baseline)
    return trials, reruns


def test_a_repair_that_satisfies_the_baseline_is_verified():
    baseline = Baseline(needed=4)
    trials, reruns = held_to(baseline, 0.5, 0.6, 0.7, 0.8)
    trial = trials.try_out(change())
    assert trial.verified
    assert not trial.worse_than_baseline
    assert baseline.asked == [0.5, 0.6, 0.7, 0.8]
    assert [number for _, number in reruns.runs] == [0, 1, 2, 3]  # three of them were there


def test_a_repair_that_is_worse_than_the_baseline_is_none():
    trials, _ = held_to(Baseline(fails=True), 0.5, 0.6, 0.7)
    trial = trials.try_out(change())
    assert (trial.passed, trial.seeds, trial.worse_than_baseline) == (0, 3, True)
    assert trials.guard.failed == [("change", WORSE)]
    assert trials.try_out(change()) is trial


def test_a_run_far_worse_than_the_baseline_needs_no_second():
    trials, reruns = held_to(Baseline(far=0.4), 0.5, 0.6, 0.7)
    trial = trials.try_out(change(), confirm=False)
    assert (trial.passed, trial.worse_than_baseline) == (0, True)
    assert len(reruns.runs) == 1


def test_what_fails_anyway_is_not_held_to_the_baseline():
    baseline = Baseline(far=0.4, fails=True)
    trials, _ = held_to(baseline, 1.5)
    assert not trials.try_out(change()).worse_than_baseline
    assert baseline.asked == []


@pytest.mark.parametrize(
    "fields",
    [{"steps_factor": 4}, {"loss_factor": None, "redefines_loss": True}, {"loss_factor": 0.5}],
)
def test_runs_of_another_task_are_not(fields):
    trials, _ = held_to(Baseline(far=0.0, fails=True), 0.1, 0.1, 0.1)
    assert not trials.try_out(change(**fields)).worse_than_baseline


def test_a_question_is_not():
    trials, _ = held_to(Baseline(far=0.0, fails=True), 0.1, 0.1, 0.1)
    assert trials.control(change()).passed == 3


def test_a_longer_run_tells_what_its_steps_cost_beside_the_rest():
    trials, _ = trials_of(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, budget=30.0, unit=2.5)
    trials._keep_time(1.0, 2.5)
    trials._keep_time(4.0, 4.0)
    assert trials._of_steps(16.0) == 10.0
    trials._keep_time(4.0, 2.5)  # steps are never for nothing
    assert trials._of_steps(16.0) == 2.5 + 0.25 * 2.5 / 4 * 12
    assert trials._of_steps(2.0) == 2 * 0.625


def test_a_change_takes_as_long_as_a_part_of_it_did():
    trials, _ = trials_of(0.5, 0.5, 0.5, budget=30.0, unit=1.0)
    wide = change("wide")
    trials.changes["wide"], trials.seconds_of_run["wide"] = wide, 9.0
    assert trials._expected(wide.combined(change("other loss"))) == 9.0
    assert trials._expected(wide.combined(change("four times", steps_factor=4))) == 9.0 + 8.0 * 3
    assert trials._expected(change("four times", steps_factor=4)) == 4.0
