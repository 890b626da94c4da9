"""A rise that a part of the probe set or few checkpoints show or hide, looked at on all of them."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.loop.run import Start, TrainingRun

__all__ = ["can_be_seen_again", "seen_on_whole"]


def can_be_seen_again(running: TrainingRun) -> bool:
    """Whether a run can be repeated: its data are arrays, and no callbacks are called."""
    training = running.training
    rows = None if training.data is None else training.data.rows_in_memory
    return rows is not None and training.callbacks is None


def seen_on_whole(
    running: TrainingRun, record: TrainingRecord, start: Start | None = None
) -> TrainingRecord | None:
    """The latest run again, with the whole probe set at every checkpoint.

    A part of some dozens of rows costs little, and swings where few of its rows decide: those of a
    rare class with large weights. The whole costs more, and is taken where a verdict hangs on it.

    Args:
        running: the training, as the run left it.
        record: of that run.
        start: the initial values that it had in the place of those of `running`.

    Returns:
        None where the checkpoints saw all of it, or the run cannot be repeated: it
        `can_be_seen_again` by no means, or has other losses the second time.
    """
    training = running.training
    if not running.leaves_out_probes or not can_be_seen_again(running):
        return None
    ended = training.snapshot()
    whole = running.with_whole_probes()
    whole.restart(start)
    again = whole.run(record.seed)
    if again.curve.batch_loss != record.curve.batch_loss:
        ended.restore()
        return None
    traces, seconds = record.traces + again.traces, record.seconds + again.seconds
    return dataclasses.replace(again, traces=traces, seconds=seconds)
