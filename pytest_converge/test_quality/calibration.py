"""From a training to a bound on its loss: twenty starts, and the same under changes."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_converge.core.calibration import Calibration, Candidate
from pytest_converge.core.errors import invalid
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.test_quality.bounds import bound_of, choose, exceeding
from pytest_converge.test_quality.power import put_back_after, why_once

if TYPE_CHECKING:
    from pytest_converge.test_quality.step_numbers import Milestones
    from pytest_converge.training.interventions.intervention import Intervention
    from pytest_converge.training.loop.run import TrainingRun

__all__ = ["STARTS", "calibration_of"]

__tracebackhide__ = True  # errors of a user's own code end at that code

#: Starts from which a bound is derived: its ceiling of false alarms is then 1/21.
STARTS = 20
#: Shares of the present number of steps that are tried.
SHARES = (0.25, 0.5, 1, 2)
#: All runs under changes may take so many seconds, or so many times the training's own; the runs
#: without any change, from which the bound comes, are always made.
SECONDS, TIMES = 120.0, 200.0


def calibration_of(
    running: TrainingRun,
    record: TrainingRecord,
    expectation: Expectation,
    *,
    progress: Callable[[int, int, float], None],
) -> Calibration:
    """Proposes a number of steps and a bound on the loss.

    The training ends in the state in which it was.

    Args:
        running: the training, passed or not.
        record: its first run.
        expectation: what the test expects of it now.
        progress: told about every run.

    Raises:
        InvalidTrainingError: it has no other starts, or its batches cannot be had again.
    """
    from pytest_converge.test_quality.mutations.catalogue import HALVED, slower
    from pytest_converge.test_quality.step_numbers import Milestones, can_go_on
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
        milestones = Milestones(running, record.seed, progress, factor=factor)
        if not milestones.start_values(1):
            given = "a builder whose variables change their shape from call to call"
            remedy = "Let it build the same model every time."
            raise invalid(given, "one that does not", remedy)
        plain = _losses(milestones, Intervention(code="", change="nothing"), stops)
        changed, left_out = _under_changes(milestones, stops, guard, began=began, budget=budget)
    candidates = [
        _candidate(steps, plain[at], {name: runs[at] for name, runs in changed.items()}, record)
        for at, steps in enumerate(stops)
    ]
    choice = choose(candidates, slower(HALVED))
    present = plain[stops.index(running.steps)]
    bound = expectation.max_loss
    return Calibration(
        test="",
        candidates=tuple(candidates),
        chosen=0 if choice is None else choice.steps,
        proposal=_proposal(expectation, choice),
        present=None if bound is None else exceeding(present, bound),
        excluded=tuple(guard.failed),
        left_out=tuple(left_out),
        seconds=time.perf_counter() - began,
        budget=budget,
    )


def _under_changes(
    milestones: Milestones, stops: Sequence[int], guard: Guard, *, began: float, budget: float
) -> tuple[dict[str, list[list[float]]], list[str]]:
    """The losses under each change that fits the model, and the changes without time left."""
    from pytest_converge.test_quality.mutations.catalogue import mutations_of

    changed: dict[str, list[list[float]]] = {}
    left_out: list[str] = []
    each = time.perf_counter() - began
    for mutation in mutations_of(milestones.training):
        if mutation.change is None:
            guard.failed.append((mutation.name, mutation.reason))
        elif time.perf_counter() - began + each > budget:
            left_out.append(mutation.name)
        else:
            attempt = functools.partial(_losses, milestones, mutation.change, stops)
            losses = guard.tried(mutation.name, attempt)
            if losses is not None:
                changed[mutation.name] = losses
    return changed, left_out


def _losses(
    milestones: Milestones, change: Intervention, stops: Sequence[int]
) -> list[list[float]]:
    """For each number of steps the final loss from each start."""
    with milestones.losses(change, stops) as run:
        by_start = [run(number) for number in range(STARTS)]
    return [list(losses) for losses in zip(*by_start, strict=True)]


def _candidate(
    steps: int, plain: list[float], changed: Mapping[str, list[float]], record: TrainingRecord
) -> Candidate:
    bound = bound_of(plain, record.curve.first)
    power = {} if bound is None else {
        name: exceeding(losses, bound.max_loss) for name, losses in changed.items()
    }  # fmt: skip
    return Candidate(steps=steps, bound=bound, losses=tuple(plain), power=power)


def _proposal(expectation: Expectation, choice: Candidate | None) -> Expectation | None:
    """What the test expects already, with another bound and number of steps."""
    if choice is None or choice.bound is None:
        return None
    return dataclasses.replace(expectation, steps=choice.steps, max_loss=choice.bound.max_loss)
