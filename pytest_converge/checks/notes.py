"""Notes: observations that explain a result and never turn a test red."""

from __future__ import annotations

import math

from pytest_converge.checks.words import number
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import TrainingRecord

__all__ = ["features_vary", "inference_differs"]

#: A BatchNorm network 150 steps old shows 0.208 in inference and 0.025 in training mode; dropout
#: at its usual rates stays within a factor of two.
INFERENCE_FACTOR = 2.0
#: Columns named in a sentence; the rest is counted.
MOST_NAMES = 3


def inference_differs(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The inference loss is more than twice the training-mode loss at the end."""
    inference, last = record.curve.inference_loss, record.curve.final_loss
    if inference is None or last is None or not math.isfinite(last) or last <= 0:
        return None
    if inference <= INFERENCE_FACTOR * last:
        return None
    message = f"the loss is {number(inference)} in inference and {number(last)} in training mode"
    return Finding(
        code="inference-gap",
        message=message,
        fails=False,
        evidence={"inference_loss": inference, "final_loss": last},
    )


def features_vary(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """No input column has the same value in every row; columns of zeros are padding or pixels."""
    names = record.constant_columns
    if not names:
        return None
    listed = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return Finding(
        code="constant-feature",
        message=f"{listed}{more} has the same value in every row",
        fails=False,
        evidence={"columns": len(names)},
    )
