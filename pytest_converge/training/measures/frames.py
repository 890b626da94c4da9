"""The frames that a CTC loss is given, and how many the labels of a row need."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["Frames", "frames_and_labels"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What a step hands to the CTC loss on the first batch.

    Attributes:
        given: the frames of each row, as many as the longest has.
        needed: those of the row that needs most: one for each label, and one for a blank between
            labels that are equal.
        short: the share of rows that have fewer than they need.
    """

    given: int
    needed: int
    short: float


def frames_and_labels(training: Training) -> Frames | None:
    """The frames of the first CTC loss of a step; None where it has none. Changes no variable.

    Keras' own loss, its operation and that of TensorFlow all call the same function.
    """
    seen: list[Frames] = []
    original = tf.nn.ctc_loss

    @functools.wraps(original)
    def watched(labels: Any, logits: Any, *args: Any, **settings: Any) -> Any:
        names = ("label_length", "logit_length", "logits_time_major")
        given = {**dict(zip(names, args, strict=False)), **settings}
        if isinstance(labels, tf.Tensor):  # else they are sparse
            lengths, frames = given["label_length"], given["logit_length"]
            seen.append(_compared(np.asarray(labels), np.asarray(lengths), np.asarray(frames)))
        return original(labels, logits, *args, **settings)

    with attributes_set([(tf.nn, "ctc_loss", watched)]):
        recorded(training, training.first_batch())
    return seen[0] if seen else None


def _compared(labels: Array, lengths: Array, frames: Array) -> Frames:
    rows = [row[:length] for row, length in zip(labels, lengths, strict=True)]
    needed = np.array([len(row) + int((row[1:] == row[:-1]).sum()) for row in rows])
    return Frames(
        given=int(frames.max()), needed=int(needed.max()), short=float((needed > frames).mean())
    )
