"""The step gauge: whether the gradient still points along the update after it was made."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterator

import numpy as np

from pytest_converge.training.data.batches import Batch
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.measures.gradients import StepGradient, Vector, flat, undisturbed
from pytest_converge.training.state.graphs import light_graph_optimizer
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import Training

__all__ = ["GaugeReading", "step_gauge"]

#: The part of the run that is looked at: a network that a high rate has killed looks calm later.
EARLY_SHARE = 0.1
#: Steps that are sampled: each costs two gradients, and the median of twelve is steady.
MOST_SAMPLES = 12
#: A short run is followed for this long, so that one odd batch decides nothing.
FEWEST_STEPS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GaugeReading:
    """What the gauge showed.

    Attributes:
        steps: the steps gauged, counted from 1; those without an update are left out.
        rhos: (g(w + d) d) / (g(w) d) at each of them. 1: the step is too small to feel any
            curvature; 0: it ends at the minimum along its direction; -1: as far behind it.
        median: their median; None without any.
        finite: False where the loss, a gradient or a weight was not finite; the run was not
            followed any further.
    """

    steps: tuple[int, ...]
    rhos: tuple[float, ...]
    median: float | None
    finite: bool


def step_gauge(
    training: Training,
    start: Snapshot,
    steps: int,
    *,
    loop: Loop | None = None,
    gradient: StepGradient | None = None,
) -> GaugeReading | None:
    """Repeats the first tenth of a run and gauges up to twelve of its steps.

    With d the update made by any optimizer and g the gradient on the same batch under the same
    random numbers, rho = (g(w + d) d) / (g(w) d): the curvature condition of a line search
    (Nocedal, Wright 2006, Numerical Optimization, section 3.1) read as a gauge. Gradient descent of
    rate r on a quadratic of curvature h has rho = 1 - r h. Changes no variable.

    Args:
        training: its own step makes the updates.
        start: where the run begins.
        steps: of the whole run.
        loop: of the training, prepared; a new one is traced where None.
        gradient: of the training, traced before; a new one is traced where None.

    Returns:
        None where no gradient reaches an optimizer that is observed, or where the batches cannot be
        had twice.
    """
    if not training.optimizers or not training.replays:
        return None
    early = min(steps, max(FEWEST_STEPS, math.ceil(EARLY_SHARE * steps)))
    sampled = np.linspace(1, early, min(early, MOST_SAMPLES)).round().astype(int).tolist()
    with undisturbed(training), light_graph_optimizer(0):
        if loop is None:
            loop = Loop(training)
            loop.prepare()
        start.restore()
        loop.start(steps)
        return _gauged(training, loop, gradient or StepGradient(training), sampled)


def _gauged(
    training: Training, loop: Loop, gradient: StepGradient, sampled: list[int]
) -> GaugeReading | None:
    taken: list[tuple[int, float]] = []
    finite, done = True, 0
    for step, batch in enumerate(_batches(training, sampled[-1]), start=1):
        if loop.stopped_by:  # no step is left
            break
        if step not in sampled:
            continue
        finite = step - 1 == done or bool(np.isfinite(loop.advance(done, step - 1)[-1, 0]))
        slopes = _slopes(training, loop, gradient, batch, step) if finite else (math.nan, math.nan)
        if slopes is None:
            return None
        before, after = slopes
        done, finite = step, math.isfinite(before) and math.isfinite(after)
        if not finite:
            break
        if before != 0.0:
            taken.append((step, after / before))
    return GaugeReading(
        steps=tuple(step for step, _ in taken),
        rhos=tuple(rho for _, rho in taken),
        median=statistics.median(rho for _, rho in taken) if taken else None,
        finite=finite,
    )


def _slopes(
    training: Training, loop: Loop, gradient: StepGradient, batch: Batch, step: int
) -> tuple[float, float] | None:
    """Makes a step; the slope of its batch's loss along the update before and after it."""
    weights, seeds = _weights(training), Snapshot(training.seed_state)
    first = gradient(batch)
    if first is None:
        return None
    loop.advance(step - 1, step)
    update, later = _weights(training) - weights, Snapshot(training.seed_state)
    seeds.restore()
    second = gradient(batch)
    later.restore()
    with np.errstate(invalid="ignore", over="ignore"):  # a slope that is not finite says so
        return float(flat(first) @ update), float(flat(second or []) @ update)


def _batches(training: Training, steps: int) -> Iterator[Batch]:
    if training.data is None:
        return itertools.repeat(None, steps)
    return itertools.islice(training.data.batches(), steps)


def _weights(training: Training) -> Vector:
    return flat([v.numpy() for v in training.trainable])
