"""Reruns: a failed training again with one thing changed, and all of it put back."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.data.batches import ArrayData, TrainingData
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.loop.run import Progress, Start, TrainingRun, Watch
from pytest_converge.training.loop.whole_probes import can_be_seen_again, seen_on_whole
from pytest_converge.training.measures.best_constant import (
    ConstantLoss,
    best_constant,
    with_constant,
)
from pytest_converge.training.measures.nonfinite_origin import NonFiniteOrigin, nonfinite_origin
from pytest_converge.training.measures.one_batch import OverfitReading, overfits_one_batch
from pytest_converge.training.state.snapshot import Snapshot, name_of
from pytest_converge.training.training import Training

__all__ = ["Reruns"]

Measured = TypeVar("Measured")
#: Whether a part of the probe set, or few checkpoints, may have misled about a run.
Doubt = Callable[[TrainingRecord], bool]


class Reruns:
    """Repeats a training from the same starts with changes.

    Args:
        running: the run that failed; its training is used and put back after every trial.
        seed: the seed of the failed run.
        progress: told about every run.
        spares_builder: a builder that gives no other start is no error; then the batch order
            alone is another.

    Attributes:
        training: the training, in the state in which the failed run left it.
        steps: of the failed run.
        end: the trained values that it ended with.
        updates: how many updates its optimizers counted; None where none of them counts.
        roles: False where nobody but the step knows what the parts of the data are.
    """

    roles = True

    def __init__(
        self, running: TrainingRun, seed: int, progress: Progress, *, spares_builder: bool = False
    ) -> None:
        self.training: Training = running.training
        self.steps = running.steps
        self._running = running
        self._seed = seed
        self._progress = progress
        self._spares_builder = spares_builder
        self._data = self.training.data
        self._starts: dict[int, Start] = {0: {}}
        self.end = Snapshot(self.training.trainable)
        self.updates = self._counted()

    @property
    def start(self) -> Snapshot:
        """Where the failed run began."""
        return self._running.start

    @property
    def unmoved(self) -> tuple[str, ...]:
        """The trained variables that ended with the very values that they began with."""
        return tuple(name_of(v) for v in self.training.trainable if self.stayed(v))

    def stayed(self, variable: Any) -> bool:
        """Whether a trained variable ended with the very values that it began with."""
        start, end = self.start.values(), self.end.values()
        return np.array_equal(start[id(variable)], end[id(variable)])

    @property
    def loop(self) -> Loop:
        """The loop that drove the failed run, traced."""
        return self._running.loop

    @property
    def rows(self) -> ArrayData | None:
        """The rows of the failed run where they lie in memory, as inputs, targets and weights."""
        return self.rows_of_any_kind if self.roles else None

    @property
    def rows_of_any_kind(self) -> ArrayData | None:
        """The rows of the failed run where they lie in memory, whatever their parts are."""
        return None if self._data is None else self._data.rows_in_memory

    def overfits_one_batch(self) -> OverfitReading | None:
        """Whether the training learns its first batch by heart; None where it has no rows."""
        self.put_back()
        try:
            return overfits_one_batch(self._running)
        finally:
            self.put_back()

    def nonfinite_origin(self, step: int) -> NonFiniteOrigin | None:
        """What made the first value of a step, counted from 1, that is not finite."""
        try:
            return nonfinite_origin(self._running, step)
        finally:
            self.put_back()

    def loss_on_others(self, change: Intervention, others: Intervention) -> float:
        """The loss on other rows of the model that a change to the rows has trained.

        Args:
            change: picks the rows to train on.
            others: picks those to look at, both by their data.
        """

        def measure(running: TrainingRun, seed: int) -> float:
            running.run(seed)
            with self.training.with_data(self._data_of(others, 0)):
                rows, _ = self.training.probe_chunks()
                return self.loop.probe_loss(self.training.chunks(rows))

        with self.measuring(change, measure) as run:
            return run(0)

    def loss_untrained(self, change: Intervention) -> float | None:
        """The loss under a change where the failed run ended; None without a probe set."""

        def measure(running: TrainingRun, _: int) -> float | None:
            self.end.restore()
            whole, _part = running.probe_set()
            return running.loop.probe_loss(whole) if whole else None

        with self.measuring(change, measure) as run:
            return run(0)

    def put_back(self, start: int = 0) -> None:
        """The state from which the failed run began, or another start's."""
        self._running.restart(self.start_values(start))

    def start_values(self, number: int) -> Start:
        """Initial values of another start; empty where it differs by the batch order alone.

        Raises:
            InvalidTrainingError: the builder gives a variable of an earlier start again.
        """
        if number not in self._starts:
            self._running.restart()
            try:
                values = self.training.reseeded(self._seed + number)
            except InvalidTrainingError:
                if not self._spares_builder:
                    raise
                values = None
            self._starts[number] = {} if values is None else values
        return self._starts[number]

    @functools.cached_property
    def begins_alike(self) -> bool:
        """True where every start has the same values: no builder draws any."""
        own, other = self.start.values(), self.start_values(1)
        return all(np.array_equal(own[key], value) for key, value in other.items() if key in own)

    def changed(
        self, change: Intervention, watch: Watch | None = None, *, doubted: Doubt | None = None
    ) -> contextlib.AbstractContextManager[Callable[[int], TrainingRecord]]:
        """Makes a change; yields a function from the number of a start to the run's record.

        Where the change redefines the loss, the record knows the best constant under the new one.

        Args:
            change: the change.
            watch: may break a run off.
            doubted: whether a run is to be seen with all its checkpoints on the whole probe set, as
                by `seen_on_whole`; given, it first stops at few of them.
        """

        @functools.cache  # targets and loss are those of every start
        def constant() -> ConstantLoss | None:
            return best_constant(self.training)

        def known(record: TrainingRecord) -> TrainingRecord:
            if not change.redefines_loss or not math.isfinite(record.curve.last):
                return record
            return with_constant(record, constant())

        def measure(running: TrainingRun, seed: int) -> TrainingRecord:
            hides = running.probes_rows and not can_be_seen_again(running)
            if doubted is None or hides:
                return known(running.run(seed, watch=watch))
            begun, running = self.training.snapshot(), running.with_sparse_probes()
            record = known(running.run(seed, watch=watch))
            if not doubted(record):
                return record
            again = seen_on_whole(running, record, begun.values())
            return record if again is None else known(again)

        return self.measuring(change, measure)

    @contextlib.contextmanager
    def measuring(
        self, change: Intervention, measure: Callable[[TrainingRun, int], Measured]
    ) -> Iterator[Callable[[int], Measured]]:
        """Makes a change; yields a function from the number of a start to what is measured.

        Args:
            change: the change.
            measure: looks at the changed run, which stands at its start, under a seed.
        """
        self.put_back()
        try:
            with contextlib.ExitStack() as stack:
                if change.variant is not None:
                    with self.training.building():
                        stack.enter_context(change.variant(self.training))
                    stack.enter_context(self.training.traced_anew())
                running = self._running_under(change)
                yield lambda number: self._measured(running, change, number, measure)
        finally:
            self.put_back()

    def _counted(self) -> int | None:
        """The updates since the start, where the training stands at the end of a run."""
        counters = [v for each in self.training.optimizers for v in each.counters]
        start = self.start.values()
        made = [int(v.numpy()) - int(start[id(v)]) for v in counters if id(v) in start]
        return sum(made) if made else None

    def _running_under(self, change: Intervention) -> TrainingRun:
        """The run that failed, or another one where the change needs a trace or other steps."""
        steps = self.steps * change.steps_factor
        if change.variant is None and steps == self.steps:
            return self._running
        with self.training.with_data(self._data_of(change, 0)):
            if change.variant is None:
                return self._running.of_length(steps)
            return TrainingRun(self.training, steps, self._progress)

    def _measured(
        self,
        running: TrainingRun,
        change: Intervention,
        number: int,
        measure: Callable[[TrainingRun, int], Measured],
    ) -> Measured:
        values = self.start_values(number)
        if change.start is not None:
            self.put_back(number)
            values = change.start(self.training, values)
        data = self._data_of(change, number)
        with running.prepared(
            start=values,
            data=data,
            rate_factor=change.rate_factor,
            of_optimizer=change.of_optimizer,
        ):
            return measure(running, self._seed + number)

    def _data_of(self, change: Intervention, number: int) -> TrainingData | None:
        data = self._data
        if data is not None and number:
            data = data.reshuffled(self._seed + number)
        if data is not None and change.steps_factor != 1:
            data = data.prolonged(self.steps * change.steps_factor)
        rows = None if data is None else data.rows_in_memory
        return data if change.data is None or rows is None else change.data(rows)
