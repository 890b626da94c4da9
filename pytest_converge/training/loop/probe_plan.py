"""Where and on how many rows the loss is probed; plain arithmetic, no TensorFlow."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Iterator

__all__ = ["ProbePlan", "plan_probe"]

#: Probing may cost this share of the training's time.
COST_SHARE = 0.15
#: Checkpoints between start and end: fewer hide oscillations, more cost without telling more.
FEWEST_POINTS, MOST_POINTS = 16, 32
#: Fewer rows make the probe loss itself noisy: its standard error is an eighth of its spread.
FEWEST_ROWS = 64
#: Intervals of a run that is only to be told from a sound one: two checkpoints in any quarter of
#: it, the longest that a loss may stand high on its way.
SPARSE_INTERVALS = 8
#: Every second one of those lies so much of an interval before its place: a loss that comes and
#: goes with a cycle does not meet all of them at the same point of it.
OFF_THE_BEAT = 0.25
#: Steps between two looks at the interpreter: progress is shown and Ctrl-C heard.
LONGEST_SEGMENT = 200


@dataclasses.dataclass(frozen=True, slots=True)
class ProbePlan:
    """When and on what the loss is probed.

    Attributes:
        rows: rows of the whole probe set, evaluated at the start and the end.
        part_rows: rows of the part that is evaluated at the checkpoints.
        checkpoints: updates done before each probe, from 0 to the number of steps.
    """

    rows: int
    part_rows: int
    checkpoints: tuple[int, ...]

    @property
    def stops(self) -> Iterator[int]:
        """Where the loop returns to Python: the checkpoints and, in long trainings, more."""
        merged = heapq.merge(self.checkpoints[1:], self.rests)
        return (stop for stop, _ in itertools.groupby(merged))

    @property
    def sparse(self) -> ProbePlan:
        """The same with `SPARSE_INTERVALS` of the checkpoints, where there are more."""
        last = len(self.checkpoints) - 1
        if last <= SPARSE_INTERVALS:
            return self
        places = (n - (n % 2) * OFF_THE_BEAT for n in range(SPARSE_INTERVALS + 1))
        kept = (self.checkpoints[round(place * last / SPARSE_INTERVALS)] for place in places)
        return dataclasses.replace(self, checkpoints=tuple(kept))

    @property
    def rests(self) -> Iterator[int]:
        """Where it returns when nothing is probed."""
        steps = self.checkpoints[-1]
        return itertools.chain(range(LONGEST_SEGMENT, steps, LONGEST_SEGMENT), (steps,))


def plan_probe(
    steps: int, batch_rows: int, probe_rows: int, probe_cost: float = 1 / 3
) -> ProbePlan:
    """Spends what `COST_SHARE` leaves after the two whole probes on the checkpoints.

    Args:
        steps: updates of the training.
        batch_rows: rows of a batch.
        probe_rows: rows of the whole probe set; 0 for none.
        probe_cost: cost of probing a row against that of training on it; a forward pass costs
            about a third of a step.
    """
    budget = COST_SHARE / probe_cost * steps * batch_rows - 2 * probe_rows
    few = min(probe_rows, FEWEST_ROWS)
    points = MOST_POINTS if few == 0 else int(budget // few)
    points = min(max(points, FEWEST_POINTS), MOST_POINTS, steps)
    part = min(max(int(budget // points), few), probe_rows)
    checkpoints = tuple(sorted({round(i * steps / points) for i in range(points + 1)}))
    return ProbePlan(rows=probe_rows, part_rows=part, checkpoints=checkpoints)
