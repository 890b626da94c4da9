"""The runs of a training by the number of their seed, made when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_converge.baselines.gate.scores import kept_points, metric_score, scores
from pytest_converge.core.baseline import StoredRun
from pytest_converge.core.expectation import LARGEST_SEED
from pytest_converge.core.record import TrainingRecord

if TYPE_CHECKING:
    from pytest_converge.training.loop.run import TrainingRun

__all__ = ["Runs"]


class Runs:
    """Runs a training from as many starts as a baseline needs, through its one trace.

    Where the loss curve is compared, a run is its steps and nothing else: no probes and no
    measurements at the end.

    Args:
        running: the training.
        records: the runs that were made already, of the first seeds.
        metric: what is compared in place of the loss curve.
        higher_is_better: of that metric.
    """

    def __init__(
        self,
        running: TrainingRun,
        records: Sequence[TrainingRecord],
        *,
        metric: str | None = None,
        higher_is_better: bool = False,
    ) -> None:
        self._running = running
        self._records = records
        self._metric = metric
        self._higher_is_better = higher_is_better

    def __call__(self, number: int) -> StoredRun:
        """The run of the seed with this number, counted from 0.

        Raises:
            InvalidTrainingError: its losses have no scores, or the builder changes its shapes.
        """
        steps = self._running.steps
        if number < len(self._records):
            return self.scored(self._records[number])
        seed = (self._records[0].seed + number) % (LARGEST_SEED + 1)
        if self._metric is None:
            losses = self._running.losses_from(seed)
            ended = self._running.loop.stopped_by  # by a callback: that is all of it
            return stored_run(seed, losses, len(losses) if ended else steps)
        return self.scored(self._running.run_from(seed))

    def scored(self, record: TrainingRecord) -> StoredRun:
        """A run that was measured, as a baseline keeps it.

        Raises:
            InvalidTrainingError: its losses have no scores.
        """
        steps = len(record.curve.batch_loss) if record.stopped_by else self._running.steps
        losses = record.curve.batch_loss
        return stored_run(record.seed, losses, steps, scored=self._scored(record))

    def _scored(self, record: TrainingRecord) -> tuple[float, ...] | None:
        if self._metric is None:
            return None
        measured = {"loss": record.curve.last, **record.metrics}
        value = measured.get(self._metric, math.nan)
        if not record.is_whole(self._running.steps):
            value = math.nan
        return (metric_score(value, higher_is_better=self._higher_is_better),)


def stored_run(
    seed: int, losses: Sequence[float], steps: int, *, scored: tuple[float, ...] | None = None
) -> StoredRun:
    """A run as a baseline keeps it.

    Args:
        seed: of its start.
        losses: its batch losses.
        steps: how many it should have; a run that ended before was not finite.
        scored: its scores where they are not those of the losses.

    Raises:
        InvalidTrainingError: the losses have no scores.
    """
    whole = losses if len(losses) >= steps else [*losses, math.nan]
    kept, values = kept_points(range(1, len(losses) + 1), losses)
    return StoredRun(
        seed=seed,
        scores=scores(whole) if scored is None else scored,
        steps=kept,
        losses=values,
    )
