"""The loss that would be judged after several numbers of steps, in one run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from pytest_converge.core.curve import LossCurve
from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.loop.probe_plan import LONGEST_SEGMENT
from pytest_converge.training.loop.run import Progress, TrainingRun

__all__ = ["Milestones", "can_go_on"]


class Milestones(Reruns):
    """Repeats a training from other starts and looks at its loss on the way.

    A training does not know how long it will be, so that one run stands for shorter ones: its
    first batches are theirs.

    Args:
        running: the run to repeat; its training is used and put back after every run.
        seed: the seed of its start.
        progress: told about every run.
        factor: times the steps of the run that is repeated, 1 where its batches end with it.
    """

    def __init__(
        self, running: TrainingRun, seed: int, progress: Progress, *, factor: int = 1
    ) -> None:
        super().__init__(running, seed, progress)
        self._factor = factor

    def losses(
        self, change: Intervention, stops: Sequence[int]
    ) -> AbstractContextManager[Callable[[int], list[float]]]:
        """Makes a change; yields a function from the number of a start to its losses.

        Args:
            change: the change.
            stops: rising numbers of steps, none beyond `factor` times those of the run. A run
                that is not finite anymore gives NaN from there on.
        """
        longer = dataclasses.replace(change, steps_factor=self._factor)
        return self.measuring(longer, lambda run, _: list(_looked_at(run, stops, self._progress)))


def can_go_on(running: TrainingRun) -> bool:
    """True where the training can be longer than it was: its batches begin again."""
    return running.training.data is None or running.training.data.prolongs


def _looked_at(running: TrainingRun, stops: Sequence[int], progress: Progress) -> Iterator[float]:
    training, loop = running.training, running.loop
    loop.start(running.steps)
    probe = _probe_set(running)
    losses: list[float] = []
    for stop in stops:
        while _goes_on(loop, losses, stop):
            segment = min(stop, len(losses) + LONGEST_SEGMENT)
            losses += loop.advance(len(losses), segment)[:, 0].tolist()
        if not math.isfinite(losses[-1]) or (len(losses) < stop and not loop.stopped_by):
            yield math.nan
            continue
        progress(stop, stops[-1], losses[-1])
        state = training.snapshot()
        training.finish()
        judged = loop.probe_loss(probe) if probe else None
        state.restore()  # what is done after the last step, as averaging the weights
        numbers = tuple(range(1, len(losses) + 1))
        yield LossCurve(steps=numbers, batch_loss=tuple(losses), final_loss=judged).last


def _goes_on(loop: Loop, losses: Sequence[float], stop: int) -> bool:
    finite = all(map(math.isfinite, losses[-1:]))
    return len(losses) < stop and finite and not loop.stopped_by


def _probe_set(running: TrainingRun) -> list[Chunk]:
    """The whole probe set; none where the loss on it is another every time."""
    whole, _ = running.probe_set()
    if running.training.full_batch and len({running.loop.probe_loss(whole) for _ in "ab"}) > 1:
        return []
    return whole
