"""How sensitive a test is: its training under changes for the worse, judged as the test judges."""

from __future__ import annotations

import contextlib
import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import Run
from pytest_converge.core.sensitivity import Sensitivity, TriedMutation

if TYPE_CHECKING:
    from pytest_converge.test_quality.mutations.catalogue import Mutation
    from pytest_converge.training.interventions.rerun import Reruns
    from pytest_converge.training.loop.run import TrainingRun

__all__ = ["Gate", "Judge", "put_back_after", "sensitivity_of", "why_once"]

#: Judges the record of one run by every gate of the test but the baseline.
Judge = Callable[[TrainingRecord], Run]
#: Judges the runs of several starts, made by their number, against the baseline; returns the code
#: of the gate where it fails, else an empty text.
Gate = Callable[[Callable[[int], TrainingRecord]], str]

#: How often a test is judged under each change: a change that it sees half of the time is taken
#: for seen in one case of 32.
JUDGED = 5
#: All changes together may take so many seconds, or so many times the training's own: 25 runs,
#: two of the five changes traced anew.
SECONDS, TIMES = 60.0, 30.0


def sensitivity_of(
    running: TrainingRun,
    runs: Sequence[Run],
    judge: Judge,
    *,
    gate: Gate | None = None,
    progress: Callable[[int, int, float], None],
) -> Sensitivity:
    """Makes every change of the catalogue in turn and judges as the test does.

    The training ends in the state in which it was.

    Args:
        running: the training, which passed.
        runs: its runs, one for each start that the test demands.
        judge: judges a run.
        gate: judges against a baseline, where the test demands it; then a change is judged once.
        progress: told about every run.
    """
    from pytest_converge.test_quality.mutations.catalogue import mutations_of
    from pytest_converge.training.interventions.rerun import Reruns

    began, seed = time.perf_counter(), runs[0].record.seed
    budget = max(SECONDS, TIMES * runs[0].record.seconds)
    tried: list[TriedMutation] = []
    left_out: list[str] = []
    with put_back_after(running, seed):
        reruns = Reruns(running, seed, progress)
        alone, once = _why_alone(reruns), why_once(running)
        trials = _Trials(
            reruns, judge, gate, starts=len(runs), often=1 if alone or once else JUDGED
        )
        plain, red = trials.plain({number: run.record for number, run in enumerate(runs)})
        for mutation in mutations_of(reruns.training):
            if once:
                tried.append(TriedMutation(change=mutation.name, reason=once))
            elif mutation.change and time.perf_counter() - began + trials.cost() > budget:
                left_out.append(mutation.name)
            else:
                tried.append(trials.try_out(mutation))
    return Sensitivity(
        test="",
        losses=tuple(plain),
        red=red,
        mutations=tuple(tried),
        baseline=gate is not None,
        alone=alone,
        left_out=tuple(left_out),
        seconds=time.perf_counter() - began,
        budget=budget,
    )


def _why_alone(reruns: Reruns) -> str:
    """Why a training has no start but one; empty where it has others."""
    if reruns.start_values(1):
        return ""
    if not reruns.training.takes_builder:
        return f"converge.{reruns.training.verb} cannot build the model anew"
    return "another start needs a function that builds the model"


def why_once(running: TrainingRun) -> str:
    """Why a training cannot be repeated; empty where it can."""
    return "" if running.training.replays else "the generator of the batches cannot start again"


@contextlib.contextmanager
def put_back_after(running: TrainingRun, seed: int) -> Iterator[None]:
    """The data in the order of the first start meanwhile, and the trained state again at the end.

    Args:
        running: a training that was run from one start or several.
        seed: of the first.
    """
    training = running.training
    trained = training.snapshot()
    try:
        with training.with_data(training.data and training.data.reshuffled(seed)):
            yield
    finally:
        trained.restore()


class _Trials:
    """Runs changes from several starts and judges them.

    Args:
        reruns: repeats the training.
        judge, gate: what the test demands.
        starts: how many starts have to pass for the test to pass.
        often: how often a change is judged.
    """

    def __init__(
        self, reruns: Reruns, judge: Judge, gate: Gate | None, *, starts: int, often: int
    ) -> None:
        self._reruns = reruns
        self._judge, self._gate = judge, gate
        self._starts, self._often = starts, often
        self._plain: dict[int, float] = {}
        self._seconds: list[float] = []

    def plain(self, known: dict[int, TrainingRecord]) -> tuple[list[float], int]:
        """The final loss from each start without any change, and how often the test turns red.

        Args:
            known: records that were made already, by the number of their start.
        """
        from pytest_converge.training.interventions.intervention import Intervention

        self._seconds = [record.seconds for record in known.values()]
        unchanged = Intervention(code="", change="nothing")
        failed = set()
        with self._reruns.changed(unchanged) as run:
            for number in range(self._starts * self._often):
                record = known[number] if number in known else self._timed(run, number)
                self._plain[number] = record.curve.last
                if number not in known and not self._judge(record).passed:
                    failed.add(number // self._starts)
        return list(self._plain.values()), len(failed)

    def cost(self) -> float:
        """Seconds that one more change takes, as far as can be told."""
        return self._starts * self._often * min(self._seconds)

    def try_out(self, mutation: Mutation) -> TriedMutation:
        """Makes a change, runs it from every start and judges."""
        if mutation.change is None:
            return TriedMutation(change=mutation.name, reason=mutation.reason)
        guard, change = Guard(), mutation.change

        def trial() -> TriedMutation:
            with self._reruns.changed(change) as run:
                return self._judged(mutation.name, run)

        # A change that does not fit a model is no error.
        found = guard.tried(mutation.name, trial)
        return found or TriedMutation(change=mutation.name, reason=guard.failed[0][1])

    def _judged(self, name: str, run: Callable[[int], TrainingRecord]) -> TriedMutation:
        losses: dict[int, float] = {}

        @functools.cache
        def once(number: int) -> TrainingRecord:
            record = self._timed(run, number)
            losses[number] = record.curve.last
            return record

        codes = []
        for verdict in range(1 if self._gate else self._often):
            numbers = range(verdict * self._starts, (verdict + 1) * self._starts)
            codes.append(self._verdict(once, numbers))
        for number in self._plain if self._gate else ():
            once(number)
        shared = [number for number in self._plain if number in losses]
        return TriedMutation(
            change=name,
            losses=tuple(losses[number] for number in sorted(losses)),
            effect=_effect([(self._plain[number], losses[number]) for number in shared]),
            red=sum(map(bool, codes)),
            judged=len(codes),
            gates=tuple(dict.fromkeys(code for code in codes if code)),
        )

    def _verdict(self, run: Callable[[int], TrainingRecord], numbers: Sequence[int]) -> str:
        """The code of the gate that turns the test red, empty where it passes."""
        for number in numbers:
            failing = [finding.code for finding in self._judge(run(number)).findings
                       if finding.fails]  # fmt: skip
            if failing:
                return failing[0]
        return self._gate(run) if self._gate else ""

    def _timed(self, run: Callable[[int], Any], number: int) -> TrainingRecord:
        record: TrainingRecord = run(number)
        self._seconds.append(record.seconds)
        return record


def _effect(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The median ratio, minus one, of final losses with and without a change; None without one."""
    if not pairs or not all(0 < loss < math.inf for pair in pairs for loss in pair):
        return None
    return statistics.median(changed / plain for plain, changed in pairs) - 1
