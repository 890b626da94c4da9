"""A rise that a part of the probe set shows, looked at on the whole of it."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.loop.run import Start, TrainingRun

__all__ = ["seen_on_whole"]


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
        None where the checkpoints saw all of it, or the run cannot be repeated: data that are no
        arrays, callbacks, or other losses the second time.
    """
    training = running.training
    rows = None if training.data is None else training.data.rows_in_memory
    if not running.probes_a_part or rows is None or training.callbacks is not None:
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
