"""The search for the range of learning rates: a sweep over decades, then bisection."""

from __future__ import annotations

import itertools
import math

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import Guard
from pytest_converge.core.rate_range import RatePoint
from pytest_converge.core.record import TrainingRecord
from pytest_converge.learning_rate.early_stop import hit, levelled
from pytest_converge.learning_rate.sweep import Sweep
from pytest_converge.learning_rate.trainings import Judge, Probe, RateProbes
from pytest_converge.training.interventions.optimizers import setting
from pytest_converge.training.measures.curvature import curvature, stability_limit
from pytest_converge.training.state.optimizer import is_plain_sgd

__all__ = ["RangeSearch", "predicted_limit"]

#: Largest ratio of the rates on both sides of an edge. A brute-force scan finds the edge between
#: them, so that either is within a factor 1.35 of it.
EDGE = 1.35
#: The same where a run costs next to nothing, a few variables without data, and for the divergence.
FINE_EDGE = 1.1
#: Bisections of a decade until the ratio is below 1.01; a search that takes more is broken.
MOST_BISECTIONS = 8
#: Updates spent on the divergence alone where the limit does not tell it, in whole trainings.
DIVERGENCE_BUDGET = 0.75
#: Decades that are added, one at a time, where no rate passes and the loss is lowest at an end.
MOST_ADDED = 6
#: Lanczos steps for the largest eigenvalue alone; further ones change it by less than 0.1 %.
LANCZOS = 8
#: Rates looked at one by one where the loss rises above its start on the way.
MOST_WALKED = 6
#: A loss so many times the target is nearly there: the rate is not far above the edge.
NEAR = 2.0
#: A forecast edge is overshot by so much, so that the run there passes.
AHEAD = 1.12


class RangeSearch:
    """Looks for the rates that pass, from the user's own outwards.

    Args:
        sweep: runs the training at a multiple of its rate.
        judge: the findings of a run.
        expectation: what passes.
        own: the user's rate.
        first: the run at the user's rate.
        limit: the rate above which gradient descent diverges on the curvature at the start; a
            guess where to look, nothing more.
        momentum: of the optimizer, which takes some steps to be up to speed.
    """

    def __init__(
        self,
        sweep: Sweep,
        judge: Judge,
        expectation: Expectation,
        *,
        own: float,
        first: TrainingRecord,
        limit: float | None,
        momentum: float = 0.0,
    ) -> None:
        self._probes = RateProbes(sweep, judge, expectation, own=own, first=first)
        self._expectation = expectation
        self._own = own
        self._limit = limit
        self._lag = momentum / (1.0 - momentum) if 0.0 <= momentum < 1.0 else 0.0
        self._fine = sweep.training.full_batch

    @property
    def points(self) -> tuple[RatePoint, ...]:
        """Every training, by rising rate."""
        return tuple(probe.point for probe in self._probes.ordered)

    def search(self, decades: int) -> None:
        """The whole search.

        Args:
            decades: to sweep, half of them above the user's rate and half below.
        """
        up, down = (decades + 1) // 2, (decades + 1) // 2
        for exponent in range(1, up + 1):
            self._probes.try_rate(self._own * math.pow(10.0, exponent))
        for exponent in range(1, down + 1):
            self._probes.try_rate(self._own * math.pow(10.0, -exponent))
        self._extend()
        passing = self._probes.bracket()
        if passing:
            self._walk_the_rough()
            self._refine_low(self._probes.bracket()[0])
            self._refine_high(self._probes.bracket()[-1])
        self._refine_divergence()

    def _extend(self) -> None:
        """Goes on beyond an end where the user's rate fails and the best ones lie there."""
        for _ in range(MOST_ADDED):
            ordered, bracket = self._probes.ordered, self._probes.bracket()
            if bracket:
                inside = bracket[0] is not ordered[0], bracket[-1] is not ordered[-1]
                own_passes = bracket[0].rate <= self._own <= bracket[-1].rate
                if own_passes or all(inside):
                    return
                self._probes.try_rate(ordered[-1].rate * 10 if inside[0] else ordered[0].rate / 10)
                continue
            lowest = min(
                ordered,
                key=lambda p: p.point.final_loss if math.isfinite(p.point.final_loss) else math.inf,
            )
            if lowest is ordered[-1] and not lowest.point.diverged:
                self._probes.try_rate(lowest.rate * 10.0)
            elif lowest is ordered[0] or all(p.point.diverged for p in ordered):
                self._probes.try_rate(ordered[0].rate / 10.0)
            else:
                return

    def _walk_the_rough(self) -> None:
        """Looks between rates that pass, where the loss of the higher one rose above its start.

        There what passes at one rate fails at the next, so that two rates that pass tell nothing
        about those between them.
        """
        for _ in range(MOST_WALKED):
            pairs = itertools.pairwise(self._probes.bracket())
            wide = (pair for pair in pairs if pair[1].rate / pair[0].rate > EDGE * 1.01)
            pair = next((pair for pair in wide if pair[1].rough), None)
            if pair is None:
                return
            middle = math.sqrt(pair[0].rate * pair[1].rate)
            self._probes.try_rate(min(middle, pair[0].rate * EDGE) if pair[0].rough else middle)

    def _refine_low(self, passed: Probe) -> None:
        """Narrows the lower edge, by forecast where the course allows one."""
        edge = FINE_EDGE if self._fine else EDGE
        for _ in range(MOST_BISECTIONS):
            failed = self._probes.neighbour(passed, -1)
            if failed is None or passed.rate / failed.rate <= edge:
                return
            guess = self._forecast(passed)
            if guess is not None and passed.rate / guess <= edge and not self._fine:
                return  # the run itself says how much lower its rate may be
            probe = self._probes.try_rate(
                self._between(failed.rate, passed.rate, (guess or 0.0) * AHEAD)
            )
            passed = probe if probe.point.passed else passed

    def _refine_high(self, passed: Probe) -> None:
        """Narrows the upper edge by bisection, where gradient descent diverges first."""
        edge = FINE_EDGE if self._fine else EDGE
        for _ in range(MOST_BISECTIONS):
            failed = self._probes.neighbour(passed, 1)
            if failed is None or failed.rate / passed.rate <= edge:
                return
            guess = self._guess(passed, failed) if self._fine else self._near_miss(failed)
            probe = self._probes.try_rate(self._between(passed.rate, failed.rate, guess))
            passed = probe if probe.point.passed else passed

    def _near_miss(self, failed: Probe) -> float:
        """As far below a rate that nearly passed as an edge may be; 0 for one that did not."""
        point, target = failed.point, self._probes.target
        nearly = point.complete and 0.0 < target < point.final_loss < NEAR * target
        return 1.001 * failed.rate / EDGE if nearly else 0.0

    def _refine_divergence(self) -> None:
        """Narrows the rate from which on the loss ends above its start.

        Where the stability limit does not predict it, that is a vague thing, and known roughly.
        """
        self._probes.short = not self._fine  # a quarter of the steps shows it
        budget = math.inf if self._fine else DIVERGENCE_BUDGET * self._expectation.steps
        before = self._probes.spent
        for _ in range(MOST_BISECTIONS):
            pair = self._first_diverged()
            if pair is None:
                return
            predicted = self._limit is not None and (
                pair[0].rate / FINE_EDGE < self._limit < pair[1].rate * FINE_EDGE
            )
            edge = FINE_EDGE if self._fine or predicted else EDGE
            if pair[1].rate / pair[0].rate <= edge or self._probes.spent - before >= budget:
                return
            self._probes.try_rate(self._between(pair[0].rate, pair[1].rate, self._guess(*pair)))

    def _first_diverged(self) -> tuple[Probe, Probe] | None:
        """The diverged run with the smallest rate above all that passed, and the one below it."""
        ordered, bracket = self._probes.ordered, self._probes.bracket()
        start = ordered.index(bracket[-1]) + 1 if bracket else 1
        for index in range(start, len(ordered)):
            if ordered[index].point.diverged:
                return ordered[index - 1], ordered[index]
        return None

    def _guess(self, below: Probe, above: Probe) -> float:
        """A little above the stability limit; where the loss diverged there, a little below."""
        if self._limit is None or not above.point.diverged:
            return 0.0
        nudge = math.pow(FINE_EDGE, 0.4)
        over = self._limit * nudge
        return over if over * 1.01 < above.rate else self._limit / nudge

    def _between(self, low: float, high: float, guess: float) -> float:
        """The guess where it lies well inside, else the middle on a logarithmic scale."""
        inside = low * 1.02 < guess < high / 1.02
        return guess if inside else math.sqrt(low * high)

    def _forecast(self, probe: Probe) -> float | None:
        """The lowest rate that would still pass, from the step at which this run arrived."""
        expected = self._expectation
        if expected.metrics or expected.min_skill is not None:
            return None
        step = hit(levelled(probe.course, *probe.ends), self._probes.target)
        if not step:
            return None
        ahead, whole = step - self._lag, self._expectation.steps - self._lag
        late = ahead > 0 and whole > 0
        return probe.rate * (ahead / whole if late else step / self._expectation.steps)


def predicted_limit(sweep: Sweep) -> float | None:
    """The rate above which gradient descent diverges by the curvature at the start.

    None for other optimizers and for Nesterov's momentum, whose limit is another.
    """
    training = sweep.training
    if not is_plain_sgd(training.optimizers[0].optimizer) or setting(training, "nesterov"):
        return None
    sweep.put_back()
    found = Guard().tried("curvature", lambda: curvature(training, steps=LANCZOS))
    momentum = float(setting(training, "momentum") or 0.0)
    return None if found is None else stability_limit(found.largest, momentum)
