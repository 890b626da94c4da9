"""The trainings of a sweep: run at a rate, judged, and broken off where they are hopeless."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

from pytest_converge.core.curve import LossCurve, LossPoints
from pytest_converge.core.errors import invalid
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.guard import Guard
from pytest_converge.core.rate_range import RatePoint
from pytest_converge.core.record import TrainingRecord
from pytest_converge.learning_rate.early_stop import behind, forecast_misses, stuck
from pytest_converge.learning_rate.sweep import Sweep

__all__ = ["Judge", "Probe", "RateProbes", "target_of"]

Judge = Callable[[TrainingRecord], tuple[Finding, ...]]

#: A cut needs a course of so many steps, as a share of all.
SHORTEST = 1 / 20
#: A loss that ends higher by a smaller share stood still.
HIGHER = 1e-3
#: Relative difference from which on two 32-bit learning rates are different ones.
SAME_RATE = 1e-3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One training at one rate.

    Attributes:
        point: what the range tells of it.
        course: (updates, loss) on its way, for forecasts.
        ends: its first and last loss, on the whole probe set.
        rough: its loss rose above its start on the way.
    """

    point: RatePoint
    course: LossPoints
    ends: tuple[float, float] = (math.nan, math.nan)
    rough: bool = False

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.point.learning_rate


class RateProbes:
    """Trains at any rate, and keeps what came of it.

    Args:
        sweep: runs the training at a multiple of its rate.
        judge: the findings of a run.
        expectation: what passes.
        own: the user's rate.
        first: the run at the user's rate.

    Attributes:
        target: the loss without which no run passes.
        spent: updates done so far.
        short: True to break a run off after a quarter of its steps where its loss is higher.
    """

    def __init__(
        self,
        sweep: Sweep,
        judge: Judge,
        expectation: Expectation,
        *,
        own: float,
        first: TrainingRecord,
    ) -> None:
        self._sweep = sweep
        self._judge = judge
        self._expectation = expectation
        self._own = own
        self._own_rates = first.curve.learning_rate
        self.target = target_of(first, expectation)
        self.spent = 0
        self.short = False
        self._probes: list[Probe] = []
        self._keep(own, [first])

    @property
    def ordered(self) -> list[Probe]:
        """Every training, by rising rate."""
        return sorted(self._probes, key=lambda probe: probe.rate)

    def bracket(self) -> list[Probe]:
        """The passing neighbours around the user's rate, else around the lowest loss."""
        ordered = self.ordered
        passing = [p for p in ordered if p.point.passed]
        if not passing:
            return []
        own = min(ordered, key=lambda p: abs(math.log(p.rate / self._own)))
        center = own if own.point.passed else min(passing, key=lambda p: p.point.final_loss)
        first = last = ordered.index(center)
        while first > 0 and ordered[first - 1].point.passed:
            first -= 1
        while last + 1 < len(ordered) and ordered[last + 1].point.passed:
            last += 1
        return ordered[first : last + 1]

    def neighbour(self, probe: Probe, side: int) -> Probe | None:
        """The training at the next rate above (1) or below (-1)."""
        ordered = self.ordered
        index = ordered.index(probe) + side
        return ordered[index] if 0 <= index < len(ordered) else None

    def try_rate(self, rate: float) -> Probe:
        """Trains at a rate from every start, up to the first that fails."""
        records: list[TrainingRecord] = []
        watch, guard, factor = self._watch(rate), Guard(), rate / self._own
        for number in range(self._expectation.seeds):
            run = functools.partial(self._sweep.at, factor, number, watch)
            record = guard.tried(f"learning rate {rate:g}", run)
            if record is None:  # what only this rate leads to is its outcome
                return self._keep_error(rate, guard.failed[0][1])
            records.append(record)
            self._check_rates(record, factor)
            if not self._passes(record):
                break
        return self._keep(rate, records)

    def _check_rates(self, record: TrainingRecord, factor: float) -> None:
        """Refuses a training whose learning rates depend on its course."""
        rates = record.curve.learning_rate
        wanted = [rate * factor for rate in self._own_rates[: len(rates)]]
        pairs = zip(rates, wanted, strict=False)
        if not all(math.isclose(rate, want, rel_tol=SAME_RATE) for rate, want in pairs):
            remedy = "Leave the rate to the optimizer, under a schedule if it is to change."
            expected = "one whose rates are those of every run"
            given = "a training that sets the learning rate by its course"
            raise invalid(given, expected, remedy)

    def _watch(self, rate: float) -> Callable[[LossPoints], bool]:
        passing = [p for p in self._probes if p.point.passed]
        above = min((p for p in passing if p.rate > rate), key=lambda p: p.rate, default=None)
        below = max((p for p in passing if p.rate < rate), key=lambda p: p.rate, default=None)
        steps, target = self._expectation.steps, self.target

        def hopeless(course: LossPoints) -> bool:
            done, loss = course[-1]
            if done < steps * SHORTEST or loss <= target:
                return False  # what has arrived is seen to its end
            if self.short and done >= steps / 4 and loss > course[0][1]:
                return True  # it diverges, and one that has come down may yet arrive
            if above is not None:
                return forecast_misses(course, above.course, above.rate / rate, target)
            late = below is not None and behind(course, below.course, target, steps)
            return late or stuck(course, target, steps)

        return hopeless

    def _passes(self, record: TrainingRecord) -> bool:
        whole = record.is_whole(self._expectation.steps)
        return whole and not any(finding.fails for finding in self._judge(record))

    def _keep(self, rate: float, records: list[TrainingRecord]) -> Probe:
        """The point of the last start, which is the first that failed or else the last to pass."""
        self.spent += sum(record.curve.updates for record in records)
        shown = max(records, key=lambda record: _finite(record.curve.last))
        last, curve = records[-1], records[-1].curve
        failing = [finding.code for finding in self._judge(last) if finding.fails]
        complete = last.is_whole(self._expectation.steps) or _left_the_finite(last)
        passed = complete and not failing
        loss = (shown if passed else last).curve.last if complete else _level(curve)
        start = curve.first if complete or not curve.probe_loss else curve.probe_loss[0]
        point = RatePoint(
            learning_rate=rate,
            final_loss=math.nan if any(f.what == "loss" for f in last.nonfinite) else loss,
            passed=passed,
            diverged=_left_the_finite(last) or not curve.last <= start + abs(start) * HIGHER,
            steps=curve.updates,
            complete=complete,
            finding=failing[0] if failing and complete else "",
        )
        ends = (records[0].curve.first, records[0].curve.last)
        course = _course(records[0])
        rough = any(not value <= course[0][1] * (1 + HIGHER) for _, value in course)
        self._probes.append(Probe(point=point, course=course, ends=ends, rough=rough))
        return self._probes[-1]

    def _keep_error(self, rate: float, error: str) -> Probe:
        point = RatePoint(
            learning_rate=rate,
            final_loss=math.nan,
            passed=False,
            diverged=True,
            steps=0,
            finding=error.partition(":")[0],
        )
        self._probes.append(Probe(point=point, course=()))
        return self._probes[-1]


def target_of(first: TrainingRecord, expectation: Expectation) -> float:
    """The loss without which no run passes, as far as it is known before."""
    loss = first.curve.first
    bounds = [loss]
    if expectation.max_loss is not None:
        bounds.append(expectation.max_loss)
    if expectation.required_decrease:
        bounds.append(loss - expectation.required_decrease * abs(loss))
    if expectation.min_skill is not None and first.constant_loss is not None:
        bounds.append(first.constant_loss * (1 - expectation.min_skill) + first.regularisation)
    return min(bounds)


def _course(record: TrainingRecord) -> LossPoints:
    curve = record.curve
    if curve.checkpoints:
        return tuple(zip(curve.checkpoints, curve.probe_loss, strict=True))
    return tuple(zip(curve.steps, curve.batch_loss, strict=True))


def _left_the_finite(record: TrainingRecord) -> bool:
    """True for a loss or weights that are not finite; data may hold a NaN as a mask."""
    return any(found.what != "data" for found in record.nonfinite)


def _level(curve: LossCurve) -> float:
    """The loss where a run was broken off, brought from a part of the probe set to the whole."""
    first = curve.probe_loss[0] if curve.probe_loss else curve.first
    suits = first > 0 and curve.first > 0
    return curve.last * curve.first / first if suits else curve.last


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
