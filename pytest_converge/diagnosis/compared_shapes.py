"""Outputs and targets whose shapes meet otherwise than their author thinks.

What is compared with what is seen in one step of the training: the steps of a series with the one
target of its row, one number with several targets, the frames of a recording with more labels than
they can hold, the sum over all rows with the target of each.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from pytest_converge.core.numbers import share
from pytest_converge.diagnosis.cause import Answer, FailedTraining, Repairs
from pytest_converge.training.interventions import more_frames
from pytest_converge.training.interventions.flipped_steps import flipped_steps
from pytest_converge.training.interventions.kept_rows import kept_rows
from pytest_converge.training.interventions.last_step import last_step_of
from pytest_converge.training.interventions.width import output_of
from pytest_converge.training.measures.broadcasting import RepeatedOutput, RepeatedTarget
from pytest_converge.training.measures.frames import Frames, frames_and_labels

__all__ = ["REPAIRS", "SEEN"]

#: The cause that all of these prove.
CODE = "output-loss-mismatch"
#: Rows up to this share are a few that are too long.
FEW_ROWS = 0.05


def last_step(failed: FailedTraining) -> Repairs:
    """The last step of a series alone, where each one is compared with the one target of its row.

    What it is compared with is seen in one step of the training.
    """
    repeated = failed.evidence.computation.repeated
    if repeated is not None and repeated.layer:
        change = last_step_of(failed.training.models, repeated.layer)
        if change is not None:
            yield dataclasses.replace(change, fault=_compares(repeated))


def _compares(repeated: RepeatedTarget) -> str:
    of = f" of {repeated.layer}" if repeated.layer else ""
    return (
        f"outputs of shape {repeated.predicted} against targets of shape {repeated.target}: each"
        f" of the {repeated.predicted[1]} steps{of} is compared with the one target of its row"
    )


def steps_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, or no layer is known to hand the steps on."""
    repeated = failed.evidence.computation.repeated
    if repeated is None:
        return None
    where = (repeated.layer,) if repeated.layer else ()
    return Answer(cause=CODE, message=_compares(repeated), where=where)


def flipped(failed: FailedTraining) -> Repairs:
    """Steps of backward layers in the order of the others, or of the targets, they are beside."""
    change = flipped_steps(failed.training)
    if change is not None:
        yield change


def _frames(failed: FailedTraining) -> Frames | None:
    """The frames of a CTC loss where some rows have fewer than their labels need."""
    training = failed.training
    if not more_frames.has_ctc(training):
        return None
    seen = failed.at_the_start("CTC frames", functools.partial(frames_and_labels, training))
    return seen if seen is not None and seen.short else None


def aligned(failed: FailedTraining) -> Repairs:
    """As many frames as the labels of every row need."""
    seen = _frames(failed)
    return () if seen is None else more_frames.more_frames(failed.training, seen)


def aligned_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, and not just a few rows are too long."""
    seen = _frames(failed)
    if seen is None or seen.short <= FEW_ROWS:
        return None
    rows = f"{more_frames.too_few(seen)} for {share(seen.short)} of the rows"
    return Answer(cause=CODE, message=rows)


def enough(failed: FailedTraining) -> Repairs:
    """An output for each of several targets, where one number is compared with all of them."""
    single, model = failed.evidence.computation.single, failed.training.model
    change = None if single is None or model is None else output_of(model, single.target[1])
    if single is not None and change is not None:
        yield dataclasses.replace(change, fault=_says_single(single))


def _says_single(single: RepeatedOutput) -> str:
    return (
        f"outputs of shape {single.predicted} against targets of shape {single.target}: one number"
        f" of a row is compared with all of its {single.target[1]} targets"
    )


def single_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, or nobody can clone the model."""
    single = failed.evidence.computation.single
    return None if single is None else Answer(cause=CODE, message=_says_single(single))


def rows_kept(failed: FailedTraining) -> Repairs:
    """A sum over the columns of each row, where one over all rows meets the target of each."""
    pooled = failed.evidence.computation.pooled
    if pooled is not None:
        yield kept_rows(failed.training, pooled)


def pooled_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough."""
    pooled = failed.evidence.computation.pooled
    if pooled is None:
        return None
    change = kept_rows(failed.training, pooled)
    return Answer(cause=CODE, message=change.fault, fix=change.fix)


#: What is tried, and what is said where that was not enough.
REPAIRS: tuple[Callable[[FailedTraining], Repairs], ...] = (
    last_step,
    flipped,
    aligned,
    enough,
    rows_kept,
)
SEEN: tuple[Callable[[FailedTraining], Answer | None], ...] = (
    steps_seen,
    aligned_seen,
    single_seen,
    pooled_seen,
)
