"""Over-fitting one batch: whether the training can fit the little that it sees again and again."""

from __future__ import annotations

import dataclasses

from pytest_converge.training.loop.run import TrainingRun
from pytest_converge.training.measures.gradients import undisturbed

__all__ = ["OverfitReading", "overfits_one_batch"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OverfitReading:
    """The loss on one batch before and after training on nothing else.

    Attributes:
        initial: the loss on the batch at the start, in training mode.
        final: the loss after the last step made.
        steps: steps made; fewer than asked for where the loss was not finite any more.
        rows: rows of the batch.
    """

    initial: float
    final: float
    steps: int
    rows: int


def overfits_one_batch(running: TrainingRun, steps: int | None = None) -> OverfitReading | None:
    """Trains on the run's first batch alone, from the run's start with the user's own optimizer.

    The oldest check of a network (Goodfellow, Bengio, Courville 2016, Deep Learning, section
    11.5: fit a tiny dataset). The compiled loop is that of the run: only the row numbers of its
    batches change, so that it costs a re-run and no trace. Changes no variable.

    Args:
        running: prepared for the training; its data is put back.
        steps: how many; those of the run where None.

    Returns:
        None for a training without batches.
    """
    training = running.training
    data = training.data
    if data is None:
        return None
    count = running.steps if steps is None else min(steps, running.steps)
    repeated = training.with_data(data.repeating())
    # What callbacks do for the sake of other rows, as stopping, says nothing about this batch.
    with undisturbed(training), repeated, training.without_callbacks():
        curve = running.of_length(count).run(0, start={}).curve
    losses = curve.batch_loss
    initial, final = curve.initial_loss, curve.final_loss
    return OverfitReading(
        initial=losses[0] if initial is None else initial,
        final=losses[-1] if final is None else final,
        steps=len(losses),
        rows=data.batch_size,
    )
