"""The runs of a training over several numbers of steps, from the same starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.loop.run import Progress, TrainingRun

__all__ = ["RunsOfLengths", "can_go_on"]


class RunsOfLengths(Reruns):
    """Repeats a training from other starts over several numbers of steps, through one trace.

    A training does not know how long it will be: the first batches of a long one are those of a
    short one.

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

    def records(
        self, change: Intervention, stops: Sequence[int]
    ) -> AbstractContextManager[Callable[[int], list[TrainingRecord]]]:
        """Makes a change; yields a function from the number of a start to its records.

        Args:
            change: the change.
            stops: numbers of steps, none beyond `factor` times those of the run.
        """
        longer = dataclasses.replace(change, steps_factor=self._factor)
        return self.measuring(longer, lambda run, seed: list(_records(run, stops, seed)))


def can_go_on(running: TrainingRun) -> bool:
    """True where the training can be longer than it was: its batches begin again."""
    return running.training.data is None or running.training.data.replays


def _records(running: TrainingRun, stops: Sequence[int], seed: int) -> Iterator[TrainingRecord]:
    start = running.training.snapshot()
    for stop in stops:
        start.restore()
        yield running.of_length(stop).run(seed)
