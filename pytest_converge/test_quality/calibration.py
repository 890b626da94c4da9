"""From a training to a bound on its loss: twenty starts, and the same under changes."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_converge.core.calibration import Calibration, Candidate
from pytest_converge.core.errors import invalid
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import Run
from pytest_converge.test_quality.bounds import bound_of, choose
from pytest_converge.test_quality.power import put_back_after, why_once

if TYPE_CHECKING:
    from pytest_converge.test_quality.step_numbers import RunsOfLengths
    from pytest_converge.training.interventions.intervention import Intervention
    from pytest_converge.training.loop.run import TrainingRun

__all__ = ["STARTS", "calibration_of"]

#: Judges the record of one run by every gate of a test that expects this, but the baseline.
Judge = Callable[[TrainingRecord, Expectation], Run]

#: Starts from which a bound is derived: its ceiling of false alarms is then 1/21.
STARTS = 20
#: Shares of the present number of steps that are tried.
SHARES = (0.25, 0.5, 1, 2)
#: All runs under changes may take so many seconds, or so many times the training's own; the runs
#: without any change, from which the bound comes, are always made.
#: Five changes from twenty starts are 375 times the length of a run.
SECONDS, TIMES = 120.0, 400.0


def calibration_of(
    running: TrainingRun,
    record: TrainingRecord,
    expectation: Expectation,
    judge: Judge,
    *,
    progress: Callable[[int, int, float], None],
) -> Calibration:
    """Proposes a number of steps and a bound on the loss.

    The training ends in the state in which it was.

    Args:
        running: the training, passed or not.
        record: its first run.
        expectation: what the test expects of it now.
        judge: judges a run by every gate of a test with that expectation but the baseline.
        progress: told about every run.

    Raises:
        InvalidTrainingError: it has no other starts, or its batches cannot be had again.
    """
    from pytest_converge.test_quality.mutations.catalogue import HALVED, slower
    from pytest_converge.test_quality.step_numbers import RunsOfLengths, can_go_on
    from pytest_converge.training.interventions.intervention import Intervention

    began = time.perf_counter()
    factor = 2 if can_go_on(running) else 1
    stops = sorted({max(round(share * running.steps), 1) for share in SHARES if share <= factor})
    budget = max(SECONDS, TIMES * record.seconds)
    once = why_once(running)
    if once:
        remedy = "Pass a tf.data.Dataset or a PyDataset, or fewer steps."
        given = f"--converge-calibrate where {once}"
        raise invalid(given, "data that can be read twice", remedy)
    guard = Guard()
    with put_back_after(running, record.seed):
        runs = RunsOfLengths(running, record.seed, progress, factor=factor)
        if not runs.start_values(1):
            given = "a builder whose variables change their shape from call to call"
            remedy = "Let it build the same model every time."
            raise invalid(given, "one that does not", remedy)
        plain = _records(runs, Intervention(code="", change="nothing"), stops)
        changed, left_out = _under_changes(runs, stops, guard, began=began, budget=budget)
    candidates = [
        _candidate(
            dataclasses.replace(expectation, steps=steps),
            judge,
            plain[at],
            {name: records[at] for name, records in changed.items()},
        )
        for at, steps in enumerate(stops)
    ]
    target = slower(HALVED)
    choice = choose(candidates, target)
    present = plain[stops.index(running.steps)]
    return Calibration(
        test="",
        candidates=tuple(candidates),
        chosen=0 if choice is None else choice.steps,
        proposal=None if choice is None else _proposal(expectation, choice),
        present=_red([judge(each, expectation) for each in present]),
        target=target if target in changed else "",
        excluded=tuple(guard.failed),
        left_out=tuple(left_out),
        seconds=time.perf_counter() - began,
        budget=budget,
    )


def _under_changes(
    runs: RunsOfLengths, stops: Sequence[int], guard: Guard, *, began: float, budget: float
) -> tuple[dict[str, list[list[TrainingRecord]]], list[str]]:
    """The runs under each change that fits the model, and the changes without time left."""
    from pytest_converge.test_quality.mutations.catalogue import mutations_of

    changed: dict[str, list[list[TrainingRecord]]] = {}
    left_out: list[str] = []
    each = time.perf_counter() - began
    for mutation in mutations_of(runs.training):
        if mutation.change is None:
            guard.failed.append((mutation.name, mutation.reason))
        elif time.perf_counter() - began + each > budget:
            left_out.append(mutation.name)
        else:
            attempt = functools.partial(_records, runs, mutation.change, stops)
            records = guard.tried(mutation.name, attempt)
            if records is not None:
                changed[mutation.name] = records
    return changed, left_out


def _records(
    runs: RunsOfLengths, change: Intervention, stops: Sequence[int]
) -> list[list[TrainingRecord]]:
    """For each number of steps the runs from each start."""
    with runs.records(change, stops) as run:
        by_start = [run(number) for number in range(STARTS)]
    return [list(records) for records in zip(*by_start, strict=True)]


def _candidate(
    expectation: Expectation,
    judge: Judge,
    plain: list[TrainingRecord],
    changed: Mapping[str, list[TrainingRecord]],
) -> Candidate:
    losses = tuple(record.curve.last for record in plain)
    bound = bound_of(losses, plain[0].curve.first)
    if bound is None:
        return Candidate(steps=expectation.steps, bound=None, losses=losses, power={})
    expected = dataclasses.replace(expectation, max_loss=bound.max_loss)
    judged = [judge(record, expected) for record in plain]
    failing = Counter(finding.code for run in judged for finding in run.findings if finding.fails)
    return Candidate(
        steps=expectation.steps,
        bound=bound,
        losses=losses,
        red=_red(judged),
        gates=tuple(code for code, _ in failing.most_common()),
        power={
            name: _red([judge(record, expected) for record in records])
            for name, records in changed.items()
        },
    )


def _red(runs: Sequence[Run]) -> float:
    """The share of runs that fail."""
    return sum(not run.passed for run in runs) / len(runs)


def _proposal(expectation: Expectation, choice: Candidate) -> Expectation | None:
    """What the test expects already, with another bound and number of steps."""
    if choice.bound is None:
        return None
    return dataclasses.replace(expectation, steps=choice.steps, max_loss=choice.bound.max_loss)
