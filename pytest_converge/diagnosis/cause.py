"""What a cause of failure is, and what it looks at: a failed training, and answers to it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from pytest_converge.columns.signal import Signal
from pytest_converge.core.diagnosis import RateBracket, Trial
from pytest_converge.core.numbers import listed
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.evidence import Evidence, climbed, gather, signal_here
from pytest_converge.diagnosis.order import Place
from pytest_converge.diagnosis.trials import Trials
from pytest_converge.training.interventions import learning_rate
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.training import Training

__all__ = ["Answer", "Cause", "FailedTraining", "Place", "Repairs", "Step"]

#: What a measurement gives.
Measured = TypeVar("Measured")
#: What stands in the sentence of a cause between what was seen and what repairs it.
REPAIRED = "; it converges with"
#: What a step proposes, in the order in which it is to be tried.
Repairs: TypeAlias = Iterable[Intervention]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A cause that is proven by a trial, or told by evidence alone.

    Attributes:
        cause: its code.
        trial: the proof, where there is one.
        where: the columns, arrays or layers concerned.
        message: the sentence, where it is not the usual one of the cause.
        fix: code to paste, where it is not that of the trial.
        floor: the lowest loss that any run reached, for an unreachable target.
        bracket: the learning rates that pass, where the rate was varied.
        parts: of several causes at once the changes that repair them, in the order of evidence;
            `cause` is that of the first, and the trial makes them all.
    """

    cause: str
    trial: Trial | None = None
    where: tuple[str, ...] = ()
    message: str = ""
    fix: str = ""
    floor: float | None = None
    bracket: RateBracket | None = None
    parts: tuple[Intervention, ...] = ()

    @property
    def change(self) -> str:
        """The change that proves it; empty where none does."""
        return "" if self.trial is None else self.trial.change


class FailedTraining:
    """What steps look at and try changes on.

    Args:
        trials: runs changes; its reruns hold the training.
        record: what was measured of the failed run.
        evidence: what else is known; measured at the start where it is not given.

    Attributes:
        evidence: all that was measured so far; a step that measures more replaces it.
    """

    def __init__(
        self, trials: Trials, record: TrainingRecord, evidence: Evidence | None = None
    ) -> None:
        self.trials = trials
        self.record = record
        self.reruns: Reruns = trials.reruns
        self.evidence = evidence or gather(self.reruns, record, trials.guard)
        if evidence is None and climbed(record, trials.expectation):
            self.evidence = dataclasses.replace(self.evidence, climbed=True)
        self._at_the_start: dict[str, Any] = {}

    def at_the_start(
        self, name: str, measure: Callable[[], Measured], *, runs_the_step: bool = False
    ) -> Measured | None:
        """What is measured where the failed run began, once; None where that is not possible.

        Args:
            name: of the measurement.
            measure: changes nothing.
            runs_the_step: whether it calls the user's code, which may fail where it is run apart.
        """
        if name not in self._at_the_start:
            self.reruns.put_back()
            guard = self.trials.guard
            look = guard.tried if runs_the_step else guard.measured
            self._at_the_start[name] = look(name, measure)
            self.reruns.put_back()
        found: Measured | None = self._at_the_start[name]
        return found

    @property
    def signal(self) -> Signal | None:
        """What the inputs say about the targets without the model, measured once."""
        if self.evidence.signal is None:
            signal = signal_here(self.reruns, self.trials.guard)
            self.evidence = dataclasses.replace(self.evidence, signal=signal)
        return self.evidence.signal

    @property
    def training(self) -> Training:
        """The training, in the state in which the latest trial left it."""
        return self.reruns.training

    @property
    def best(self) -> float:
        """The lowest finite final loss of the failed run and its comparable changes, or NaN."""
        losses = (self.record.curve.last, self.trials.best)
        return min((loss for loss in losses if math.isfinite(loss)), default=math.nan)

    @property
    def misses_the_loss(self) -> bool:
        """True where no run reached the loss that was asked for, and not another gate failed."""
        bound = self.trials.expectation.max_loss
        return math.isfinite(self.best) and (bound is None or self.best > bound)

    @property
    def takes_optimizer(self) -> bool:
        """True where another optimizer can take the place of the user's."""
        return bool(self.training.optimizers) and self.training.optimizer_is_ours

    @property
    def takes_rate(self) -> bool:
        """True where another optimizer can bring a learning rate: no step of the user sets it."""
        return self.takes_optimizer and not self.training.optimizers[0].rate_set_in_step

    def first_passing(self, changes: Repairs) -> Answer | None:
        """The first change that passes on every seed, as the proof of its own cause."""
        for change in changes:
            trial = self.trials.try_out(change)
            if trial is not None and trial.verified:
                return Answer(
                    cause=change.code,
                    trial=trial,
                    where=change.where,
                    message=change.sentence,
                    parts=change.parts if change.several else (),
                )
        return None

    def at_rates(self, *factors: float) -> list[Intervention]:
        """The same training at multiples of its learning rate; empty where that is not known."""
        own = self.evidence.rate
        if not math.isfinite(own):
            return []
        follows = self.trials.rate_follows
        return [
            learning_rate.scaled(self.training, own, factor, follows=follows) for factor in factors
        ]

    def not_steeper(self, factors: tuple[float, ...]) -> tuple[float, ...]:
        """The factors of a rate that may repair the run: a run that rose is not too slow.

        Where another scale goes with them, all may.
        """
        if not self.evidence.never_too_slow:
            return factors
        return tuple(factor for factor in factors if factor < 1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a cause has to try or to say; it has either repairs or an answer.

    Attributes:
        place: where it stands in the order of evidence.
        repairs: the changes to try, in order; the first that passes on every seed is the answer.
        answer: what evidence, or trials of its own, tell; None for nothing.
    """

    place: Place
    repairs: Callable[[FailedTraining], Repairs] | None = None
    answer: Callable[[FailedTraining], Answer | None] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause of failure. The docstring of its module is its page in the documentation.

    Attributes:
        code: what it is called in results.
        steps: what it proposes and says, each in its place.
        sentence: one sentence of at most about 160 characters on an answer; a pattern with
            `{change}` and `{where}`, or a function where it takes numbers.
        refined: makes a better answer of one of its own that a step gave.
        usual: what is usual in place of what the training has, as far as it differs, with or
            without a sign that it does harm: groups of changes, each group alternatives of which
            one can be made, the likeliest first. A reference training makes one of every group.
    """

    code: str
    steps: tuple[Step, ...] = ()
    sentence: str | Callable[[Evidence, Answer], str] = "with {change} it converges"
    refined: Callable[[FailedTraining, Answer], Answer] | None = None
    usual: Callable[[FailedTraining], Iterable[Repairs]] | None = None

    def says(self, evidence: Evidence, answer: Answer) -> str:
        """The sentence on an answer that brings none of its own."""
        if callable(self.sentence):
            return self.sentence(evidence, answer)
        where = listed(answer.where) or "some variables"
        return self.sentence.format(change=answer.change, where=where)

    def says_in_part(self, evidence: Evidence, part: Intervention, proof: Trial) -> str:
        """What was seen of a cause that is one of several; what repairs them all is said once."""
        trial = dataclasses.replace(proof, change=part.change)
        text = part.sentence or self.says(
            evidence, Answer(cause=self.code, trial=trial, where=part.where)
        )
        seen = text.partition(REPAIRED)[0]
        return seen if seen != text or part.change not in text else f"it needs {part.change}"
