"""The laboratory: runs a failed training again with one thing changed, and puts all of it back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention, Start, unchanged
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.loop.run import Progress, TrainingRun
from pytest_converge.training.measures.one_batch import OverfitReading, overfits_one_batch
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import Training

__all__ = ["Laboratory"]


class Laboratory:
    """Repeats a training from the same starts with changes.

    Args:
        running: the run that failed; its training is used and put back after every trial.
        seed: the seed of the failed run.
        progress: told about every run.

    Attributes:
        training: the training, in the state in which the failed run left it.
        steps: of the failed run.
        end: the trained values that it ended with.
    """

    def __init__(self, running: TrainingRun, seed: int, progress: Progress) -> None:
        self.training: Training = running.training
        self.steps = running.steps
        self._running = running
        self._seed = seed
        self._progress = progress
        self._data = self.training.data
        self._starts: dict[int, Start] = {0: {}}
        self.end = Snapshot(self.training.trainable)

    @property
    def start(self) -> Snapshot:
        """Where the failed run began."""
        return self._running.start

    @property
    def loop(self) -> Loop:
        """The loop that drove the failed run, traced."""
        return self._running.loop

    @property
    def rows(self) -> ArrayData | None:
        """The rows of the failed run where they lie in memory."""
        return self._data if isinstance(self._data, ArrayData) else None

    def overfits_one_batch(self) -> OverfitReading | None:
        """Whether the training learns its first batch by heart; None where it has no rows."""
        self.put_back()
        try:
            return overfits_one_batch(self._running)
        finally:
            self.put_back()

    def loss_on_others(self, change: Intervention, others: Intervention) -> float:
        """The loss on other rows of the model that a change to the rows has trained.

        Args:
            change: picks the rows to train on.
            others: picks those to look at, both by their data.
        """
        with self.changed(change) as run:
            run(0)
            if others.data is not None and self.rows is not None:
                self.training.data = others.data(self.rows)
            rows, _ = self.training.probe_chunks()
            loss: float = self._running.loop.probe_loss(self.training.chunks(rows))
        return loss

    def put_back(self, start: int = 0) -> None:
        """The state and the data from which the failed run began, or another start's."""
        self.training.set_learning_rate_factor(1.0)
        self.training.data = self._data
        self._running.start.with_values(self.start_values(start)).restore()

    def start_values(self, number: int) -> Start:
        """Initial values of another start; empty where it differs by the batch order alone."""
        if number not in self._starts:
            self._running.start.restore()
            values = self.training.reseeded(self._seed + number)
            self._starts[number] = {} if values is None else values
        return self._starts[number]

    @contextlib.contextmanager
    def changed(self, change: Intervention) -> Iterator[Any]:
        """Makes a change; yields a function from the number of a start to the run's record."""
        self.put_back()
        training = self.training
        variant = unchanged if change.variant is None else change.variant
        with variant(training):
            if change.variant is not None:
                self._set_data(change, 0)
                with training.traced_anew():
                    steps = self.steps * change.steps_factor
                    running = TrainingRun(training, steps, self._progress)
                    yield lambda number: self._run(running, change, number)
            elif change.steps_factor != 1:
                self._set_data(change, 0)
                steps = self.steps * change.steps_factor
                running = TrainingRun(training, steps, self._progress, like=self._running)
                yield lambda number: self._run(running, change, number)
            else:
                yield lambda number: self._run(self._running, change, number)
        self.put_back()

    def _measured(self, running: TrainingRun, seed: int) -> Any:
        """What a run gives; another laboratory may measure something else."""
        return running.run(seed)

    def _run(self, running: TrainingRun, change: Intervention, number: int) -> Any:
        values = self.start_values(number)
        if change.start is not None:
            self.put_back(number)
            values = change.start(self.training, values)
        running.begin()
        running.start.with_values(values).restore()
        self._set_data(change, number)
        self.training.set_learning_rate_factor(change.rate_factor)
        try:
            return self._measured(running, self._seed + number)
        finally:
            self.training.set_learning_rate_factor(1.0)
            self.training.data = self._data

    def _set_data(self, change: Intervention, number: int) -> None:
        data = self._data
        if isinstance(data, ArrayData):
            if number:
                data = data.reshuffled(self._seed + number)
            if change.steps_factor != 1:
                data = data.prolonged(self.steps * change.steps_factor)
            if change.data is not None:
                data = change.data(data)
        self.training.data = data
