"""One training at many learning rates, from the same start and batches, through one trace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import reconfigured
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.loop.run import TrainingRun, Watch
from pytest_converge.training.training import Training

__all__ = ["Sweep"]


class Sweep(Laboratory):
    """Repeats a training at multiples of its learning rate, and under other schedules.

    The rate is a variable of the traced loop, so that another one costs no trace; a schedule is
    part of the graph, so that it costs one.
    """

    _watch: Watch | None = None

    def at(self, factor: float, number: int, watch: Watch | None = None) -> TrainingRecord:
        """A run at a multiple of the user's rate.

        Args:
            factor: what the rate, or the whole schedule, is multiplied by.
            number: of the start, 0 for the first.
            watch: may break the run off.
        """
        change = Intervention(code="", change=f"learning rate times {factor:g}", rate_factor=factor)
        return self._record(change, number, watch)

    def under(self, rate: Any, number: int) -> TrainingRecord:
        """A whole run under a rate or a schedule of Keras in the place of the user's."""

        @contextlib.contextmanager
        def variant(changed: Training) -> Iterator[None]:
            optimizer = reconfigured(changed.optimizers[0], learning_rate=rate)
            with changed.with_optimizer(optimizer):
                yield

        return self._record(Intervention(code="", change="schedule", variant=variant), number, None)

    def _record(self, change: Intervention, number: int, watch: Watch | None) -> TrainingRecord:
        self._watch = watch
        with self.changed(change) as run:
            record: TrainingRecord = run(number)
        return record

    def _measured(self, running: TrainingRun, seed: int) -> TrainingRecord:
        return running.run(seed, self._watch)
