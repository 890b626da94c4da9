"""The range of learning rates of a training: what passes, what diverges, and where one stands."""

from __future__ import annotations

import dataclasses
import itertools
import math
import shlex
import sys
from typing import ClassVar

from pytest_converge.core import numbers
from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.failures import LearningRateError
from pytest_converge.core.serialisation import Serialisable
from pytest_converge.core.study import Study

__all__ = ["RatePoint", "RateRange", "ScheduleRun", "bracket_text", "failure"]

#: Rates of a range are compared as decimal numbers; 32-bit floats differ from them by less.
ROUNDING = 1e-5
#: Room for the first line behind the name of the call, indented on 80 columns.
FIRST_LINE = 80 - len("  learning_rate.range: ")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint(Serialisable):
    """One training of the range.

    Attributes:
        learning_rate: its rate; the largest one, under a schedule.
        final_loss: the loss at its end, or where it was broken off.
        passed: every gate passed.
        diverged: the loss ended above its start, or was not finite.
        steps: updates done.
        complete: False where it was broken off, since its course left no hope.
        finding: the code of the first gate that failed; empty where it passed or was broken off.
    """

    learning_rate: float
    final_loss: float
    passed: bool
    diverged: bool = False
    steps: int
    complete: bool = True
    finding: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun(Serialisable):
    """A training under a schedule, beside the constant rates.

    Attributes:
        name: what the user called it; "constant" for the peak of the user's own schedule held.
        point: its training; `learning_rate` is the largest rate of the run.
    """

    name: str
    point: RatePoint


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RateRange(Study):
    """What `learning_rate.range` returns, and what `LearningRateError.study` holds.

    Attributes:
        own: the user's learning rate; the largest one of the run, under a schedule.
        scheduled: the user's rate follows a schedule, which is scaled as a whole.
        points: every training at a multiple of the user's rate, by rising rate.
        schedules: trainings under other schedules.
        initial_loss: the loss before the first update.
        max_loss: the loss that the test demands, or None.
        steps: updates of a training that was not broken off.
        stability_limit: 2 (1 + momentum) / largest Hessian eigenvalue at the start, for SGD; None
            for other optimizers or where there is no limit.
        optimizer: the user's optimizer with the rate left open, as `keras.optimizers.SGD({})`;
            empty where it cannot be written.
        seconds: wall time of the whole range.
        margin: the factor that `assert_within` demanded and that was missed; None otherwise.
    """

    kind: ClassVar[str] = "learning-rate"

    own: float
    scheduled: bool = False
    points: tuple[RatePoint, ...]
    schedules: tuple[ScheduleRun, ...] = ()
    initial_loss: float
    max_loss: float | None = None
    steps: int
    stability_limit: float | None = None
    optimizer: str = ""
    seconds: float = 0.0
    margin: float | None = None

    @property
    def passed(self) -> bool:
        """False where a margin was demanded and missed."""
        return self.margin is None

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        rates = {
            "own": self.own,
            "lowest": self.lowest,
            "highest": self.highest,
            "proposed": self.proposed,
        }
        known = {name: rate for name, rate in rates.items() if rate is not None}
        return {**known, "seconds": round(self.seconds, 3)}

    @property
    def own_point(self) -> RatePoint:
        """The training at the user's own rate."""
        return min(self.points, key=lambda p: abs(math.log(p.learning_rate / self.own)))

    @property
    def curve(self) -> tuple[tuple[float, float, bool], ...]:
        """(learning rate, final loss, passed) of every training, by rising rate."""
        return tuple((p.learning_rate, p.final_loss, p.passed) for p in self.points)

    @property
    def stretches(self) -> tuple[tuple[float, float], ...]:
        """(lowest, highest) of each stretch of neighbouring rates that all pass."""
        groups = itertools.groupby(self.points, key=lambda point: point.passed)
        passing = [[p.learning_rate for p in group] for passed, group in groups if passed]
        return tuple((rates[0], rates[-1]) for rates in passing)

    @property
    def bracket(self) -> tuple[float, float] | None:
        """The stretch around the user's rate, else the one with the lowest loss; None without any.

        Its ends are rates that passed. Two passing neighbours count as connected: what lies
        between them was not tried.
        """
        if not self.stretches:
            return None
        around = [s for s in self.stretches if s[0] <= self.own <= s[1]]
        return around[0] if around else min(self.stretches, key=self._lowest_loss_of)

    @property
    def lowest(self) -> float | None:
        """The smallest rate of the bracket."""
        return None if self.bracket is None else self.bracket[0]

    @property
    def highest(self) -> float | None:
        """The largest rate of the bracket."""
        return None if self.bracket is None else self.bracket[1]

    @property
    def below(self) -> float | None:
        """The largest rate below the bracket, which failed; None where the sweep did not go on."""
        low = self.lowest
        rates = [p.learning_rate for p in self.points if low is not None and p.learning_rate < low]
        return max(rates, default=None)

    @property
    def above(self) -> float | None:
        """The smallest rate above the bracket, which failed; None where the sweep did not go on."""
        top = self.highest
        rates = [p.learning_rate for p in self.points if top is not None and p.learning_rate > top]
        return min(rates, default=None)

    @property
    def islands(self) -> tuple[tuple[float, float], ...]:
        """Other stretches that pass, apart from the bracket."""
        return tuple(stretch for stretch in self.stretches if stretch != self.bracket)

    @property
    def divergence(self) -> float | None:
        """The smallest rate whose loss ended above its start or was not finite, or None.

        Looked for above the bracket, or anywhere where no rate passes.
        """
        top = self.highest or 0.0
        rates = [p.learning_rate for p in self.points if p.diverged and p.learning_rate > top]
        return min(rates, default=None)

    @property
    def best(self) -> RatePoint | None:
        """The complete training with the lowest loss; None where none ended with a finite one."""
        ended = [p for p in self.points if p.complete and math.isfinite(p.final_loss)]
        return min(ended, key=lambda p: p.final_loss, default=None)

    @property
    def room(self) -> tuple[float, float] | None:
        """Factors from the user's rate to the lower and to the upper edge; None where it fails.

        Infinite where nothing within the swept range fails on that side.
        """
        if self.bracket is None or not self.own_point.passed:
            return None
        low = math.inf if self.below is None else self.own / self.bracket[0]
        high = math.inf if self.above is None else self.bracket[1] / self.own
        return low, high

    @property
    def proposed(self) -> float | None:
        """A rate to use: the lowest loss with room on both sides, else the middle of the bracket.

        The margin is the demanded one, 3 where none was. None where no rate passes.
        """
        if self.bracket is None:
            return None
        low, high = self.bracket
        margin = self.margin or 3.0
        inner = [
            p
            for p in self.points
            if p.passed
            and (self.below is None or p.learning_rate >= low * margin * (1 - ROUNDING))
            and (self.above is None or p.learning_rate <= high / margin * (1 + ROUNDING))
            and low <= p.learning_rate <= high
        ]
        if inner:
            return min(inner, key=lambda p: p.final_loss).learning_rate
        return float(f"{math.sqrt(low * high):.2g}")

    def assert_within(self, margin: float = 3.0) -> None:
        """Raises where the user's rate is closer than a factor to an edge, or outside.

        Args:
            margin: the factor that has to lie between the rate and either edge, at least 1. An
                edge beyond the swept range is far enough away.

        Raises:
            LearningRateError: it is not; the error's `study` is this range with the margin.
            InvalidTrainingError: the margin is no number of at least 1.
        """
        given: object = margin  # whatever the caller passed
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not number or not 1 <= margin <= sys.float_info.max:
            remedy = "Write, for example, assert_within(margin=3)."
            raise InvalidTrainingError(
                complaint(f"margin={shown(margin)}", "a number of at least 1", remedy)
            )
        room = self.room
        if room is not None and min(room) >= margin * (1 - ROUNDING):
            return
        failed = dataclasses.replace(self, margin=float(margin))
        raise LearningRateError(failure(failed), failed)

    def _lowest_loss_of(self, stretch: tuple[float, float]) -> float:
        within = (p for p in self.points if stretch[0] <= p.learning_rate <= stretch[1])
        return min((p.final_loss for p in within), default=math.inf)


# The words of a failure stand here and not in a room above, since `assert_within` raises it.
def failure(study: RateRange) -> str:
    """What is wrong with the user's rate, in at most six lines. The first stands alone."""
    lines = [_first_line(study)]
    if study.bracket is not None:
        lines.append(f"passing: {bracket_text(study)}")
        lines += [f"also passing, apart from these: {_span(*s)}" for s in study.islands[:1]]
    best, limit = study.best, study.divergence
    facts = (
        []
        if best is None
        else [f"lowest loss {numbers.loss(best.final_loss)} at {numbers.rate(best.learning_rate)}"]
    )
    facts += [] if limit is None else [f"diverges from {numbers.rate(limit)} on"]
    lines += [", ".join(facts)] if facts else []
    if study.proposed is not None:
        rate = numbers.rate(study.proposed)
        code = study.optimizer.replace("{}", _literal(rate))
        lines.append(f"fix: {code}" if code else f"fix: learning rate {rate}")
    lines.append(f"reproduce: {shlex.join(['pytest', study.test])}")
    return "\n".join(lines)


def bracket_text(study: RateRange) -> str:
    """The bracket in words, with what is known about its edges."""
    if study.bracket is None:
        return "none"
    low, high = study.bracket
    if study.below is None and study.above is None:
        return f"at most {numbers.rate(low)} to at least {numbers.rate(high)}, the whole sweep"
    first = f"at most {numbers.rate(low)}" if study.below is None else numbers.rate(low)
    last = f"at least {numbers.rate(high)}" if study.above is None else numbers.rate(high)
    failing = [numbers.rate(rate) for rate in (study.below, study.above) if rate is not None]
    verb = "fails" if len(failing) == 1 else "fail"
    return f"{first} to {last}; {' and '.join(failing)} {verb}"


def _first_line(study: RateRange) -> str:
    own, room = numbers.rate(study.own), study.room
    if study.bracket is None:
        swept = _span(study.points[0].learning_rate, study.points[-1].learning_rate)
        return f"no learning rate from {swept} passes"
    if room is None:
        span = _span(*study.bracket)
        why = f" ({study.own_point.finding})" if study.own_point.finding else ""
        return _fitted(f"{own} fails{why}; {span} pass")
    side, edge = ("lower", study.lowest) if room[0] < room[1] else ("upper", study.highest)
    where = "above" if side == "lower" else "below"
    edge_text, margin = numbers.rate(edge or 0.0), numbers.number(study.margin or 1.0)
    factor = numbers.factor(min(room))
    return _fitted(f"{own} is {factor} {where} the {side} edge {edge_text}, not {margin}x")


def _fitted(text: str) -> str:
    """The text with its subject, where the line has room for it."""
    whole = f"learning rate {text}"
    return whole if len(whole) <= FIRST_LINE else text


def _span(low: float, high: float) -> str:
    return f"{numbers.rate(low)} to {numbers.rate(high)}"


def _literal(rate: str) -> str:
    """A literal that Keras takes: it refuses a rate that is an integer."""
    return f"{rate}.0" if rate.isdigit() else rate
