"""One training at many learning rates, from the same start and batches, through one trace."""

from __future__ import annotations

from typing import Any

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import with_settings
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.loop.run import Watch

__all__ = ["Sweep"]


class Sweep(Reruns):
    """Repeats a training at multiples of its learning rate, and under other schedules.

    The rate is a variable of the traced loop, so that another one costs no trace; a schedule is
    part of the graph, so that it costs one.
    """

    def at(self, factor: float, number: int, watch: Watch | None = None) -> TrainingRecord:
        """A run at a multiple of the user's rate.

        Args:
            factor: what the rate, or the whole schedule, is multiplied by.
            number: of the start, 0 for the first.
            watch: may break the run off.
        """
        change = Intervention(code="", change=f"learning rate times {factor:g}", rate_factor=factor)
        with self.changed(change, watch) as run:
            return run(number)

    def under(self, rate: Any, number: int) -> TrainingRecord:
        """A whole run under a rate or a schedule of Keras in the place of the user's."""
        change = Intervention(code="", change="schedule", variant=with_settings(learning_rate=rate))
        with self.changed(change) as run:
            return run(number)
