"""Trials: a changed training run on one seed, and on more where it passes."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Protocol

from pytest_converge.checks.decrease import RISEN, may_rise_between
from pytest_converge.checks.gates import judge
from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.stopwatch import Stopwatch
from pytest_converge.diagnosis.given_up import no_better_than
from pytest_converge.training.interventions import learning_rate
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns

__all__ = [
    "LINEAR_LOSSES",
    "BaselineJudge",
    "OutOfTimeError",
    "Trials",
    "only_metrics_missed",
    "passes",
]

#: Seeds on which a repair has to hold before it is called verified.
SEEDS = 3
#: Where a change gives the loss another unit, the advantage over the best constant prediction that
#: stands for the target: a network that learns little stays below 0.35, one that trains above 0.7
#: (116 injected faults).
SKILL_OF_A_REPAIR = 0.5
#: Why a change that has no effect is no evidence.
NO_EFFECT = "it changes nothing: every loss is the same to the last digit"
#: Why a change that lowers the loss by itself is no evidence.
TERM_ALONE = "the loss is lower without its term, and the rest of it is learnt no better"
#: A term outweighs the rest of the loss where it costs at least as much of that as is left
#: without the term; of a loss that does not end at 0, half of what the best constant has.
GAINED_BESIDE_A_TERM = 0.5
#: Or where that alone would miss the bound too, by more than rounding and the last batches make.
CLEARLY_ABOVE = 1.1
#: The gates that a smaller loss meets, whatever was learnt.
OF_THE_SIZE = frozenset({"target-missed", "not-decreasing"})
#: Where targets or weights are others and the unit of the loss is not, its bound stands, and so
#: much of the loss of the best constant has to go: what noise leaves of a model's advantage.
SKILL_BESIDE_A_BOUND = 0.05
#: A bound that asks for errors below this share of the targets' deviation: whoever gives it thinks
#: of targets of another scale.
OUT_OF_REACH = 1e-2
#: Losses that grow with the error; that of others, with its square.
LINEAR_LOSSES = frozenset({"mean_absolute_error", "huber", "log_cosh"})
#: Where a metric alone was missed, a repair may cost so much of the loss: a start that has learnt
#: nothing names every rare row, and a rate that keeps the start meets the bound without training.
#: Of a loss below 0 nothing is held: it may fall without end by predictions that it does not mean.
MOST_LOSS = 1.1


#: Of the seconds of a longer run, the least share that is taken for its steps: what two timings say
#: of the rest is off by as much on a machine with other work.
LEAST_OF_STEPS = 0.25
#: The cause whose repairs are other labels.
LABELS = "label-encoding"
#: What a rate is multiplied by to see whether others follow it, as near as float32 tells.
HALF, SAME_RATE = 0.5, 1e-3
#: Why a change that meets every bound is no repair.
WORSE = "it meets the bounds, and trains worse than the baseline of the test"


class BaselineJudge(Protocol):
    """What the baseline of the test says of a changed training."""

    def is_far_worse(self, record: TrainingRecord) -> bool:
        """Whether one run alone is far worse than every recorded one."""

    def fails(self, run: Callable[[int], TrainingRecord]) -> bool:
        """Whether the gate turns red; `run` makes a run by the number of its start."""


def _names_of_parts(change: Intervention) -> set[str]:
    return {part.change for part in change.parts or (change,)}


class OutOfTimeError(Exception):
    """The budget is spent."""


def only_metrics_missed(record: TrainingRecord, expectation: Expectation) -> bool:
    """True where the bound of a metric is the only gate that fails."""
    failing = {finding.code for finding in judge(record, expectation) if finding.fails}
    return failing == {"metric-out-of-bounds"}


def passes(record: TrainingRecord, expectation: Expectation, change: Intervention) -> bool:
    """Whether every gate passes, in the unit that the change gives the loss."""
    return _failing(record, expectation, change) == set()


def _failing(
    record: TrainingRecord, expectation: Expectation, change: Intervention
) -> set[str] | None:
    """The gates that fail in that unit; None where nothing could pass."""
    skill = expectation.min_skill
    bound, decrease = expectation.max_loss, expectation.min_decrease
    redefined = change.redefines_loss
    if redefined and record.constant_loss is not None and not record.constant_loss > 0:
        return None  # of a constant that is perfect, or of no known bottom, nothing is better
    if change.loss_factor is None:
        # Where no loss was bounded, or its bound is met even so, the bounds of metrics are the
        # target as they stand.
        met = bound is None or record.curve.last <= bound
        metrics_stand = met and bool(expectation.metrics)
        if record.skill is not None and not metrics_stand:
            skill = max(skill or 0.0, SKILL_OF_A_REPAIR)
        elif redefined and not metrics_stand:  # no constant is known: the start stands in for it
            decrease = max(decrease or 0.0, SKILL_OF_A_REPAIR)
        bound = None
    else:
        if bound is not None and not _is_out_of_reach(bound * change.loss_factor, record):
            bound *= change.loss_factor
        elif bound is not None:
            skill = max(skill or 0.0, SKILL_OF_A_REPAIR)
        if redefined and record.skill is not None:
            skill = max(skill or 0.0, SKILL_BESIDE_A_BOUND)
    expected = dataclasses.replace(
        expectation, max_loss=bound, min_skill=skill, min_decrease=decrease
    )
    return {finding.code for finding in judge(record, expected) if finding.fails}


def _is_out_of_reach(bound: float, record: TrainingRecord) -> bool:
    """Whether nobody can have meant a bound in the unit of these targets, but of scaled ones."""
    constant = record.constant_loss
    power = 1 if record.loss_name in LINEAR_LOSSES else 2
    return constant is not None and 0 < bound < OUT_OF_REACH**power * constant


class Trials:
    """Runs changes within a budget and keeps what came of them.

    Args:
        reruns: repeats the failed training.
        expectation: what decides whether a change passes.
        budget: seconds; a trial that has begun is finished, one that would exceed it is left out.
        watch: runs since the diagnosis began.
        unit: seconds that the failed run took; a run that traces nothing corrects it.
        failed: what was measured of the failed run, where it is known.
        baseline: what a repair is held to beside the expectation, where the test has one.

    Attributes:
        allowed: the budget that was given; `budget` is lifted for what nothing can be said without.
        guard: keeps the changes that could not be made, and the measurements.
        seconds_of_run: of the last run of each change, traces included.
        has_no_bottom: True where the loss falls below 0 by a fault of its targets: a loss below 0
            is not met by a repair then.
        without_terms: the final loss of the failed run without terms of it, by the change that
            switches them off; None where it is not known.
    """

    def __init__(
        self,
        reruns: Reruns,
        expectation: Expectation,
        *,
        budget: float,
        watch: Stopwatch,
        unit: float,
        failed: TrainingRecord | None = None,
        baseline: BaselineJudge | None = None,
    ) -> None:
        self.reruns = reruns
        self.expectation = expectation
        self.allowed = self.budget = budget
        self.done: dict[str, Trial] = {}
        self.records: dict[str, TrainingRecord] = {}
        self.left_out: list[str] = []
        self.guard = Guard()
        self.has_no_bottom = False
        self.controls: set[str] = set()
        self.changes: dict[str, Intervention] = {}
        self.without_terms: dict[str, float | None] = {}
        self._cannot_be_made: set[str] = set()
        self._idle: set[str] = set()
        self.watch = watch
        self._unit = unit
        self.seconds_of_run: dict[str, float] = {}
        self._failed_seconds = self._shortest = unit
        self._longer: tuple[float, float] | None = None
        self._most_loss = math.inf
        self._failed = failed
        self._baseline = baseline
        missed = failed is not None and only_metrics_missed(failed, expectation)
        if failed is not None and missed and failed.curve.last > 0:
            self._most_loss = MOST_LOSS * failed.curve.last

    @property
    def spent(self) -> float:
        """Seconds of the budget that are used up."""
        return self.watch.spent

    @functools.cached_property
    def rate_follows(self) -> bool:
        """True where the rates that the user's own code sets grow with the one that it finds."""
        failed, training = self._failed, self.reruns.training
        if failed is None or not learning_rate.asks_what_follows(training):
            return False
        change = learning_rate.begun_at(training, HALF)

        def look() -> bool:
            with self.reruns.changed(change) as run:
                rates = run(0).curve.learning_rate
            count = min(len(rates), len(failed.curve.learning_rate))
            pairs = zip(
                rates[count - 1 : count], failed.curve.learning_rate[count - 1 :], strict=False
            )
            return any(math.isclose(new, HALF * own, rel_tol=SAME_RATE) for new, own in pairs)

        return bool(self.guard.tried(change.change, look))

    def is_idle(self, change: Intervention) -> bool:
        """Whether a change to the targets is known to have no effect: the loss never reads them."""
        return change.change in self._idle

    def control(self, change: Intervention, *, confirm: bool = True) -> Trial | None:
        """Runs a change that asks a question and is no repair; see `try_out`."""
        self.controls.add(change.change)
        return self.try_out(change, confirm=confirm)

    def ask(self, trial: Trial) -> None:
        """Takes a change that was tried for one that asks a question and is no repair."""
        self.controls.add(trial.change)
        self.done[trial.change] = dataclasses.replace(self.done[trial.change], control=True)

    def try_out(self, change: Intervention, *, confirm: bool = True) -> Trial | None:
        """Runs a change on the failed run's seed and, where it passes, on two more.

        Args:
            change: what to change; one that was tried already is not run again.
            confirm: False to run the first seed alone.

        Returns:
            The trial, or None where the change could not be made or takes too long.

        Raises:
            OutOfTimeError: the budget was spent before.
        """
        self.changes[change.change] = change
        known = self.done.get(change.change)
        if known is not None and (known.verified or known.passed < known.seeds or not confirm):
            return known
        if change.change in self._cannot_be_made or any(map(self.is_idle, change.parts)):
            return None
        if self.spent > self.budget:
            self.left_out.append(change.change)
            raise OutOfTimeError
        if self.spent + self._expected(change) > self.budget:
            self.left_out.append(change.change)
            return None
        began = self.watch.elapsed
        guard = Guard() if change.guessed else self.guard
        trial = guard.tried(change.change, lambda: self._run(change, confirm, known))
        if trial is None:
            self.reruns.put_back()
            self._cannot_be_made.add(change.change)
            return None
        before = 0.0 if known is None else known.seconds
        trial = dataclasses.replace(trial, seconds=before + self.watch.elapsed - began)
        if not trial.passed and self._did_not_act(change):
            guard.failed.append((change.change, NO_EFFECT))
            self._cannot_be_made.add(change.change)
            # Anything else may have one where another change gives the start a slope.
            if change.where and all(name.startswith("y") for name in change.where):
                self._idle.add(change.change)
            return None
        self.done[change.change] = trial
        return trial

    def _keep_time(self, factor: float, seconds: float) -> None:
        """Keeps what a run of so many times the steps took."""
        self._unit = min(self._unit, seconds / factor)
        if factor > 1:
            self._longer = factor, seconds
        elif factor == 1:
            self._shortest = min(self._shortest, seconds)

    def _expected(self, change: Intervention) -> float:
        """Seconds that a run takes: as long at least as those that had a part of its changes."""
        parts = _names_of_parts(change)
        known = [self._of_steps(change.steps_factor)]
        for name, seconds in self.seconds_of_run.items():
            tried = self.changes[name]
            longer = change.steps_factor / tried.steps_factor
            if longer >= 1 and _names_of_parts(tried) <= parts:
                # It may have been traced anew, which takes no longer than the failed run did.
                known.append(seconds + max(seconds - self._failed_seconds, 0.0) * (longer - 1))
        return max(known)

    def _of_steps(self, factor: float) -> float:
        """Seconds that a run of so many times the steps takes.

        Where a longer one is known, what every run costs beside its steps is known as well.
        """
        if self._longer is None or not factor > self._longer[0]:
            return self._unit * factor
        longer, seconds = self._longer
        evenly = seconds / longer
        step = max((seconds - self._shortest) / (longer - 1), LEAST_OF_STEPS * evenly)
        return seconds + min(step, evenly) * (factor - longer)

    def _did_not_act(self, change: Intervention) -> bool:
        """Whether every loss of a finite run is the failed run's to the last digit."""
        record, failed = self.records[change.change], self._failed
        if failed is None or failed.nonfinite or change.change in self.controls:
            return False
        same = record.curve.batch_loss == failed.curve.batch_loss
        # Keras trains a softmax and a sigmoid on the same logits: what they predict differs.
        answers = (record.predicted_loss, record.metrics) == (failed.predicted_loss, failed.metrics)
        return same and record.curve.last == failed.curve.last and answers

    def _run(self, change: Intervention, confirm: bool, known: Trial | None) -> Trial:
        losses = [] if known is None else list(known.losses)
        passed = len(losses)  # what is tried again passed so far
        made: dict[int, TrainingRecord] = {}
        baseline, worse = self._baseline_of(change), False
        deterministic = self._is_deterministic
        # Recorded runs are compared with runs that were measured alike.
        doubted = None if self._baseline else functools.partial(self._hangs_on_a_rise, change)
        # Of other starts nothing is known of what the failed run was by then.
        gives_up = None
        comparable = change.loss_factor == 1.0 and not change.redefines_loss
        if change.guessed and comparable and self._failed and self.expectation.max_loss is not None:
            gives_up = no_better_than(
                self._failed.curve,
                self.expectation.max_loss,
                by_step=self.reruns.training.full_batch,
                active=lambda: known is None and not made,
            )
        with self.reruns.changed(change, gives_up, doubted=doubted) as run:
            for number in range(len(losses), 1 if deterministic or not confirm else SEEDS):
                before = self.spent
                made[number] = record = run(number)
                if number == 0:
                    self.records[change.change] = record
                took = min(record.seconds, self.spent - before)
                self.seconds_of_run[change.change] = took
                if not record.traces:  # what a run costs once its graph is there
                    self._keep_time(change.steps_factor, took)
                losses.append(record.curve.last)
                passed += self._passes(record, change)
                if passed > number == 0 and baseline is not None:
                    worse = baseline.is_far_worse(record)
                if passed <= number or worse:
                    break
            if confirm and not worse and passed == len(losses) and baseline is not None:
                worse = baseline.fails(lambda n: made[n] if n in made else run(n))
        if passed and change.leaves_term and self._by_its_terms_alone(change):
            self.guard.failed.append((change.change, TERM_ALONE))
            self.controls.add(change.change)  # it is lower, and no nearer to the target
            passed = 0
        if worse:
            passed = 0
            self.guard.failed.append((change.change, WORSE))
        return Trial(
            change=change.change,
            code=change.code,
            fix=change.fix,
            losses=tuple(losses),
            passed=passed,
            comparable=change.loss_factor is not None and not change.redefines_loss,
            deterministic=deterministic,
            control=change.change in self.controls,
            worse_than_baseline=worse,
            course=self.records[change.change].curve.course,
        )

    @property
    def _is_deterministic(self) -> bool:
        """Whether one seed is all: every step of every start sees the same, and so do two looks."""
        failed = self._failed
        repeats = failed is None or failed.curve.initial_loss is not None
        return self.reruns.training.full_batch and repeats and self.reruns.begins_alike

    def _by_its_terms_alone(self, change: Intervention) -> bool:
        """Whether a change passes since it leaves terms of the loss out, and trains no better.

        Losses are compared without those terms: that of the failed run at its end, and that of the
        changed one. A gate that does not look at the size of the loss is not met so.
        """
        terms = [part for part in change.parts or (change,) if part.leaves_term]
        if self._failed is None or not terms or change.loss_factor is None or change.redefines_loss:
            return False
        failing = {f.code for f in judge(self._failed, self.expectation) if f.fails}
        if not failing <= OF_THE_SIZE:
            return False
        left_out = functools.reduce(Intervention.combined, terms)
        if left_out.change not in self.without_terms:
            self.without_terms[left_out.change] = self.reruns.loss_untrained(left_out)
        before = self.without_terms[left_out.change]
        if before is None or not math.isfinite(before):
            return False
        bound = self.expectation.max_loss
        if bound is not None and before > CLEARLY_ABOVE * bound > 0:
            return False  # the term was not what kept the loss up
        gained = before - self.records[change.change].curve.last / change.loss_factor
        unit, constant = abs(before), self._failed.constant_loss
        if constant is not None and constant > 0:
            unit = min(unit, constant)
        return not gained >= GAINED_BESIDE_A_TERM * unit

    def _baseline_of(self, change: Intervention) -> BaselineJudge | None:
        """What a change is held to: runs of other steps, or in other units, are another task."""
        same = change.loss_factor == 1.0 and not change.redefines_loss and change.steps_factor == 1
        return self._baseline if same and change.change not in self.controls else None

    def _hangs_on_a_rise(self, change: Intervention, record: TrainingRecord) -> bool:
        """Whether a rise is all that a run fails by, or might fail by at more checkpoints."""
        failing = _failing(record, self.expectation, change)
        rises = failing == set() and may_rise_between(record, self.expectation)
        return rises or failing == {RISEN}

    def _passes(self, record: TrainingRecord, change: Intervention) -> bool:
        same_loss = change.loss_factor == 1.0 and not change.redefines_loss
        if same_loss and record.curve.last > self._most_loss:
            return False
        if record.curve.last < 0 and (self.has_no_bottom or self._loses_its_bottom(change)):
            return False
        return passes(record, self.expectation, change)

    def _loses_its_bottom(self, change: Intervention) -> bool:
        """Whether other labels let a loss fall below 0 that never did: it does not mean them."""
        labels = any(part.code == LABELS for part in change.parts or (change,))
        if self._failed is None or not labels or not change.redefines_loss:
            return False
        if (self.expectation.max_loss or 0.0) < 0:
            return False
        return min(self._failed.curve.batch_loss, default=-1.0) >= 0

    @property
    def like_the_failed_run(self) -> list[Trial]:
        """The trials on the same rows and in the same unit of loss."""
        return [t for t in self.done.values() if t.comparable and not t.control]

    @property
    def best(self) -> float:
        """The lowest finite final loss of all comparable trials; infinity without any."""
        losses = [t.losses[0] for t in self.like_the_failed_run]
        return min((loss for loss in losses if math.isfinite(loss)), default=math.inf)
