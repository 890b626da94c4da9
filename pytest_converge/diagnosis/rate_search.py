"""The search for a learning rate that passes, and what is said of it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
import statistics
from collections.abc import Iterator
from typing import Any

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import RateBracket, Trial
from pytest_converge.core.numbers import loss, number, share
from pytest_converge.diagnosis.cause import Answer, FailedTraining
from pytest_converge.diagnosis.causes.local_minimum import other_starts, rests
from pytest_converge.diagnosis.causes.plateau import without_slope
from pytest_converge.diagnosis.evidence import Evidence, curvature_here, early_gauge, ends_higher
from pytest_converge.diagnosis.trials import OutOfTimeError, Trials
from pytest_converge.training.interventions import learning_rate
from pytest_converge.training.interventions import steps as more_steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import setting
from pytest_converge.training.measures.curvature import stability_limit
from pytest_converge.training.measures.slope_of_steps import moves_beside
from pytest_converge.training.state.optimizer import ObservedOptimizer, is_plain_sgd

__all__ = [
    "RateSearch",
    "any_rate_that_passes",
    "far_off",
    "largest_stable_rate",
    "rate_and_steps",
    "rate_that_passes",
    "sentence",
    "usual_rates",
]

#: Factors in the order in which they are tried, the nearest decade first.
DOWN = (0.1, 0.01, 0.3, 1e-3, 1e-4)
UP = (10.0, 100.0, 1e3, 3.0, 1e4)
#: Factors beyond these, while the last one was the best so far: Keras' defaults are that far from
#: the 1e-6 or 1e-7 of a fine-tuning.
FARTHER = (1e5, 1e6)
#: Factors that mean the user's own rate, which is known to fail.
OWN_FROM, OWN_TO = 0.5, 2.0
#: A rate that is proposed keeps this distance from every rate that is known to fail, where one
#: does: batches of other seeds move the edges of what passes.
ROOM = 3.0
#: A run that gained this share of its first loss has learnt something; a rate at which this share
#: of that is lost again is a wrong way, and what lies beyond it is left for later.
LEARNT, LOST_AGAIN = 0.1, 0.1
#: Rates that are confirmed on more seeds before the one that passed first is good enough.
MOST_CONFIRMED = 2
#: The share of the budget after which a rate is confirmed before its neighbours are looked at.
LATE = 0.5
#: A rate with which the loss comes so far from its start to the bound is near one that passes: of
#: an elongated bowl it came 99.9 %.
MOST_OF_THE_WAY = 0.9
#: Rates that are tried between such a one and its neighbours.
MOST_REFINED = 3
#: Neighbours less apart than this are as near as batches of other seeds let anybody tell.
NARROWEST = 1.5
#: How far from a rate that passes on some starts another one is looked for, half of it or twice,
#: and how many of them are tried: where a start leads nowhere at any rate, they are lost time.
ASIDE, MOST_NEAR = 2.0, 2
#: Multiples of the steps that are tried with a stable rate.
LONGER = (4, 16)
#: Rates of plain gradient descent and of adaptive optimizers that suit most trainings on
#: standardised data: the middle of the usual ranges (Bengio 2012, arXiv:1206.5533, section 3.1.1).
USUAL_RATES = {"SGD": (0.1, 0.01, 0.03, 0.3)}
ADAPTIVE_RATES = (0.01, 0.001, 0.03)
#: A rate this many times off the usual ones is at fault, also where Adam alone was shown to do.
FAR_OFF = 30.0
#: From this gauge on the step is too short to feel the curvature; below 0 it overshoots.
LONG, SHORT = 0.0, 0.5


def rate_that_passes(failed: FailedTraining, *, beyond_worse: bool = False) -> Answer | None:
    """What a rate that passes means: a rate too high or too low, if nothing explains more.

    Args:
        failed: the training.
        beyond_worse: whether those of a run that learns are tried too that lie beyond one at
            which it ended worse, if no higher than it began, or between others.
    """
    if math.isnan(failed.evidence.gauge):
        gauge = early_gauge(failed.reruns, failed.trials.guard)
        beside = failed.evidence.rose and _moves_beside(failed)
        failed.evidence = dataclasses.replace(failed.evidence, gauge=gauge, moves_beside=beside)
    rates = RateSearch(failed.trials, failed.evidence)
    named = _one_of_several(failed)
    if named is not None:
        return named
    curve = failed.record.curve
    worse = _clearly_worse(curve)
    trial = rates.search(worse=curve.first if beyond_worse and worse is not None else worse)
    if trial is None and (beyond_worse or worse is None):
        trial = rates.refined(curve.first)
    if trial is None:
        return None
    message = without_slope(failed)
    if message:
        return Answer(cause="plateau", trial=trial, message=message)
    if trial.code == "learning-rate-too-low" and rests(failed):
        elsewhere = other_starts(failed)
        if elsewhere is not None:
            return elsewhere
    if failed.training.scales_updates:  # the rate itself is not known
        message = failed.trials.changes[trial.change].sentence
        return Answer(cause=trial.code, trial=trial, message=message)
    bracket = rates.bracket(largest_stable_rate(failed))
    return Answer(cause=trial.code, trial=trial, bracket=bracket)


def _moves_beside(failed: FailedTraining) -> bool:
    """Whether what a run rose by may be no update: a higher rate would outweigh it, not mend it."""
    training = failed.training
    if not training.own_step or not training.optimizers:
        return False
    look = functools.partial(moves_beside, training)
    return bool(failed.at_the_start("what else moves", look, runs_the_step=True))


def any_rate_that_passes(failed: FailedTraining) -> Answer | None:
    """The same of the rates that were left for later: one step too large may look like a way up."""
    return rate_that_passes(failed, beyond_worse=True)


def _clearly_worse(curve: LossCurve) -> float | None:
    """A loss above which a rate is a wrong way; None for a run that learnt nothing itself."""
    gained = curve.first - curve.last
    if not (math.isfinite(gained) and gained > LEARNT * abs(curve.first)):
        return None
    return curve.last + LOST_AGAIN * gained


def _one_of_several(failed: FailedTraining) -> Answer | None:
    """The rate of one of several optimizers, the others as they are."""
    found = _one_of_these(failed, failed.evidence)
    if found is None and (failed.evidence.rose or failed.evidence.climbed):
        # What rose may have risen by the steps of another optimizer, while this one stood still.
        calm = dataclasses.replace(failed.evidence, rose=False, climbed=False, unstable=False)
        found = _one_of_these(failed, calm, upwards=True)
    return found


def _one_of_these(
    failed: FailedTraining, seen: Evidence, *, upwards: bool = False
) -> Answer | None:
    training = failed.training
    several = list(enumerate(training.optimizers)) if len(training.optimizers) > 1 else []
    known = [(place, each) for place, each in several if isinstance(each.user_rate, float)]
    # The rate that is farthest from the usual ones first: nothing else tells them apart.
    for place, observed in sorted(known, key=lambda pair: -abs(math.log(_to_usual(pair[1])))):
        # The gauge is that of all optimizers together.
        evidence = dataclasses.replace(seen, rate=observed.user_rate, gauge=math.nan)
        toward = _to_usual(observed)
        rates = RateSearch(failed.trials, evidence, place, upwards=upwards, toward=toward)
        trial = rates.search() or rates.refined(failed.record.curve.first)
        if trial is not None and not _of_an_adversary(failed, place, rates, trial):
            message = failed.trials.changes[trial.change].sentence
            bracket = rates.bracket(None)
            return Answer(cause=trial.code, trial=trial, message=message, bracket=bracket)
    return None


def usual_rates(optimizer: Any) -> tuple[float, ...]:
    """Learning rates that suit most trainings by an optimizer, the best first."""
    return USUAL_RATES.get(type(optimizer).__name__, ADAPTIVE_RATES)


def far_off(optimizer: Any, rate: float) -> str:
    """Where a rate is far off the usual ones of an optimizer, "low" or "high"; else empty."""
    usual, own = usual_rates(optimizer), abs(rate)
    if 0 < own < min(usual) / FAR_OFF:
        return "low"
    return "high" if own > FAR_OFF * max(usual) else ""


def _to_usual(observed: ObservedOptimizer) -> float:
    """What brings a rate that is far off into the middle of the usual ones; 1 for another."""
    usual, own = usual_rates(observed.optimizer), abs(observed.user_rate)
    if not far_off(observed.optimizer, own):
        return 1.0
    return float(f"{statistics.median(usual) / own:.2g}")


def _of_an_adversary(failed: FailedTraining, place: int, rates: RateSearch, trial: Trial) -> bool:
    """Whether a lower rate helped only since this optimizer works against the judged loss.

    Of adversaries, as in a GAN, the loss of one falls where the other one does not learn, which is
    no repair. One that works against the loss raises it where it alone makes its updates.
    """
    if not trial.code.endswith("high"):
        return False
    # The highest rate that passed: it is stable, and shows the most.
    change = learning_rate.alone(failed.training, place, max(rates.passing))
    control = failed.trials.control(change, confirm=False)
    if control is None:
        return False
    curve = failed.trials.records[change.change].curve
    if not ends_higher(curve.first, curve.last):
        return False
    rates.withdraw()
    name = failed.training.optimizers[place].name or "one of the optimizers"
    why = f"it works against this loss: {loss(curve.first)} to {loss(curve.last)} by it alone"
    failed.trials.guard.failed.append((f"a lower rate of {name}", why))
    return True


def rate_and_steps(failed: FailedTraining) -> Answer | None:
    """A run that diverged, whose stable rate needs more steps than were asked for.

    The rate is what is at fault: with it as it was, more steps would only lead farther away.
    """
    first, bound = failed.record.curve.first, failed.trials.expectation.max_loss
    if not failed.evidence.rose or bound is None or not first > bound:
        return None
    stable = [
        (trial, change)
        for trial, change in _rates_tried(failed)
        if change.rate_factor < 1 and way(first, _last(trial), bound) >= MOST_OF_THE_WAY
    ]
    if not stable:
        return None
    _, change = min(stable, key=lambda pair: _last(pair[0]))
    longer = [change.combined(more_steps.more(failed.reruns.steps, n)) for n in LONGER]
    found = failed.first_passing(longer)
    if found is None:
        return None
    rose = f"the loss rose from {loss(first)} to {loss(failed.record.curve.last)}"
    if not failed.training.scales_updates:
        rose += f" at learning rate {number(failed.evidence.rate)}"
    message = f"{rose}; a stable one needs time: it converges with {found.change}"
    return dataclasses.replace(found, cause="learning-rate-too-high", message=message)


def way(first: float, last: float, bound: float) -> float:
    """The share of the way from the initial loss to the bound that a run has come."""
    return (first - last) / (first - bound) if first > bound else 0.0


def _rates_tried(failed: FailedTraining) -> Iterator[tuple[Trial, Intervention]]:
    for trial in failed.trials.like_the_failed_run:
        change = failed.trials.changes.get(trial.change)
        if change is not None and change.changes_rate_alone and math.isfinite(_last(trial)):
            yield trial, change


def sentence(evidence: Evidence, answer: Answer) -> str:
    """The sentence on a rate that is too high or too low, with the gauge where it agrees."""
    gauge = evidence.gauge
    own = number(evidence.rate) if math.isfinite(evidence.rate) else "the rate"
    how = "high" if answer.cause.endswith("high") else "low"
    gauged = ""
    if how == "high" and gauge < LONG:
        gauged = f": each step overshoots, the slope behind it is {number(-gauge)} times as steep"
        gauged = gauged if gauge < -1 else ": each step goes beyond the minimum on its way"
    elif how == "low" and SHORT < gauge <= 1:
        gauged = f": a step leaves {share(gauge)} of the slope"
    return f"learning rate {own} is too {how}{gauged}; it converges with {answer.change}"


def largest_stable_rate(failed: FailedTraining) -> float | None:
    """The largest stable learning rate of gradient descent at the start; None for others."""
    training = failed.training
    if len(training.optimizers) != 1 or not is_plain_sgd(training.optimizers[0].optimizer):
        return None
    failed.reruns.put_back()
    found = curvature_here(failed.reruns, failed.trials.guard)
    momentum = float(setting(training, "momentum") or 0.0)
    return None if found is None else stability_limit(found.largest, momentum)


class RateSearch:
    """Looks for learning rates that pass, from the user's own outwards.

    Args:
        trials: runs the changes.
        evidence: of the failed run, with its gauge where that is known.
        place: the only one of several optimizers whose rate is varied.
        upwards: whether higher rates alone are tried, as where lower ones were before.
        toward: a factor that is tried before all others; 1 for none.
    """

    def __init__(
        self,
        trials: Trials,
        evidence: Evidence,
        place: int | None = None,
        *,
        upwards: bool = False,
        toward: float = 1.0,
    ) -> None:
        self._trials = trials
        self._toward = toward
        self._place = place
        self._upwards = upwards
        self._own = evidence.rate
        self._gauge = evidence.gauge
        self._unstable = evidence.unstable and not evidence.hardly_moves
        self._rose = evidence.never_too_slow
        self.passing: dict[float, Trial] = {}
        self.failing: set[float] = {1.0}
        self._on_some_starts: set[float] = set()
        self._losses: dict[float, float] = {}
        self._chosen = math.nan

    def search(self, *, worse: float | None = None) -> Trial | None:
        """The trial of the first rate that passes on every seed, or None.

        Args:
            worse: a loss; beyond a rate that ends above it none is tried that way. None for all.
        """
        if not math.isfinite(self._own) or self._own == 0:
            return None
        first = () if self._toward == 1.0 else (self._toward,)
        for factor in (*first, *self._factors(), *FARTHER):
            if self._rose and factor > 1 and factor not in first:
                continue  # no run that left its start upwards is too slow by its only optimizer
            if self._upwards and factor < 1:
                continue
            if worse is not None and self._is_beyond(factor, worse):
                continue
            if factor in FARTHER and not self._ends_best(factor / 10):
                break
            late = self._trials.spent > LATE * self._trials.budget
            trial = self._try(factor, confirm=late)
            if trial is not None and trial.passed == trial.seeds:
                trial = self._best(factor)
                if trial is not None and trial.verified:
                    return trial
        return None

    def refined(self, first: float) -> Trial | None:
        """The trial of a rate near those tried, where some passed on one start, or nearly passed.

        Args:
            first: the loss at the start.
        """
        for near in self._near_on_some_starts()[:MOST_NEAR]:
            trial = self._try(near)
            if trial is not None and trial.verified:
                return trial
        bound = self._trials.expectation.max_loss
        if bound is None or not self._losses:
            return None
        for _ in range(MOST_REFINED):
            best = min(self._losses, key=lambda factor: self._losses[factor])
            if not way(first, self._losses[best], bound) >= MOST_OF_THE_WAY:
                return None
            known = sorted({*self._losses, 1.0})
            place = known.index(best)
            gaps = [pair for pair in itertools.pairwise(known) if best in pair]
            # Of two gaps alike the one on the side of the user's own rate.
            toward = 1.0 if best < 1 else -1.0
            widest = max(gaps, key=lambda pair: (round(pair[1] / pair[0], 1), toward * pair[1]))
            if place in (0, len(known) - 1) or widest[1] / widest[0] < NARROWEST:
                return None
            trial = self._try(float(f"{math.sqrt(widest[0] * widest[1]):.2g}"))
            if trial is not None and trial.verified:
                return trial
        return None

    def _near_on_some_starts(self) -> list[float]:
        """Factors near those that passed on some starts alone: between them, then beyond."""
        known = sorted(self._on_some_starts)
        if not known:
            return []
        gaps = sorted(itertools.pairwise(known), key=lambda pair: pair[0] / pair[1])
        between = [math.sqrt(low * high) for low, high in gaps]
        near = [float(f"{f:.2g}") for f in (*between, known[0] / ASIDE, known[-1] * ASIDE)]
        tried = (*self.failing, *self.passing)
        return [
            factor
            for factor in near
            if all(max(factor / each, each / factor) >= NARROWEST for each in tried)
            and not (factor > 1 and self._rose)
            and not (factor < 1 and self._upwards)
        ]

    def withdraw(self) -> None:
        """Takes what passed for no repairs."""
        for trial in self.passing.values():
            self._trials.ask(trial)

    def bracket(self, limit: float | None) -> RateBracket | None:
        """The rates that passed so far."""
        if not self.passing:
            return None
        chosen = self._chosen if self._chosen in self.passing else min(self.passing)
        return RateBracket(
            own=_plain(self._own),
            lowest=_plain(self._own * min(self.passing)),
            highest=_plain(self._own * max(self.passing)),
            proposed=float(f"{self._own * chosen:.2g}"),
            stability_limit=limit,
        )

    def _factors(self) -> tuple[float, ...]:
        """Every direction is tried in the end: a network that one step killed looks calm later."""
        down_first = (*DOWN[:4], *UP[:3], DOWN[4])
        up_first = (*UP[:3], *DOWN[:3], *UP[3:])
        if self._unstable:
            return (*(self._gauged() if self._gauge < LONG else ()), *down_first)
        if self._gauge < LONG:
            return (*self._gauged(), *down_first)
        return (*(self._gauged() if self._gauge > SHORT else ()), *up_first)

    def _is_beyond(self, factor: float, worse: float) -> bool:
        """Whether a factor lies beyond one, on the same side of 1, that ended above a loss."""
        nearer = [n for n in self.failing if 1 < n < factor or factor < n < 1]
        return any(not self._losses.get(near, math.inf) < worse for near in nearer)

    def _ends_best(self, factor: float) -> bool:
        """Whether the highest rate that was tried reached the lowest loss of all."""
        others = [loss for tried, loss in self._losses.items() if tried != factor]
        return factor in self._losses and all(self._losses[factor] < loss for loss in others)

    def _gauged(self) -> tuple[float, ...]:
        """The rate that would bring the gauge to its good range, as far as it can be told."""
        wanted = 0.05 if self._gauge < SHORT else 0.5
        if not 1 - self._gauge > 0:
            return ()
        factor = min(max(wanted / (1 - self._gauge), 1e-3), 1e3)
        return (float(f"{factor:.1g}"),)

    def _best(self, factor: float) -> Trial | None:
        """Looks for the edges of what passes, a decade at a time, and chooses a rate between.

        The one that is chosen is tried on more seeds; where it fails, what passed first is.
        """
        self._chosen = factor
        with contextlib.suppress(OutOfTimeError):  # the edges are of use, but the cause is known
            toward, away = (10.0, 0.1) if factor < 1 else (0.1, 10.0)
            nearer = factor * toward
            while (nearer < OWN_FROM if factor < 1 else nearer > OWN_TO) and self._passes(nearer):
                nearer *= toward
            self._passes(factor * away)
            for _ in range(MOST_CONFIRMED):
                if not self.passing:
                    break
                best = self._inside()
                chosen = self._try(best)
                if chosen is not None and chosen.verified:
                    self._chosen = best
                    return chosen
        return self._try(factor)

    def _inside(self) -> float:
        """Of the factors that leave room to those that fail, the one with the lowest loss."""
        roomy = [factor for factor in self.passing if self._room(factor) >= ROOM]
        if roomy:
            return min(roomy, key=lambda factor: _last(self.passing[factor]))
        return max(self.passing, key=self._room)

    def _room(self, factor: float) -> float:
        """How many times the next factor that fails is larger or smaller."""
        return min(max(factor / bad, bad / factor) for bad in self.failing)

    def _passes(self, factor: float) -> bool:
        trial = self._try(float(f"{factor:.1g}"), confirm=False)
        return trial is not None and trial.passed > 0

    def _try(self, factor: float, *, confirm: bool = True) -> Trial | None:
        training = self._trials.reruns.training
        if self._place is None:
            follows = self._trials.rate_follows
            change = learning_rate.scaled(training, self._own, factor, follows=follows)
        else:
            change = learning_rate.of_one(training, self._place, self._own, factor)
        trial = self._trials.try_out(change, confirm=confirm)
        if trial is not None and math.isfinite(trial.losses[0]):
            self._losses[factor] = trial.losses[0]
        if trial is not None and trial.passed == trial.seeds:
            self.passing[factor] = trial
        else:
            self.passing.pop(factor, None)  # it passed on the first seed alone
            self.failing.add(factor)
            if trial is not None and trial.passed:
                self._on_some_starts.add(factor)
        return trial


def _last(trial: Trial) -> float:
    return max(trial.losses)


def _plain(rate: float) -> float:
    """Three significant digits: what float32 adds behind them is noise."""
    return float(f"{rate:.3g}")
